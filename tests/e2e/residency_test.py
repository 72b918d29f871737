"""One copy of the weights, mapped from the library, whatever the number of instances: read from /proc after every instance has run."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

import aoti_runtime
import numpy as np

LIBRARY = os.environ["AOTI_RESIDENCY_LIBRARY"]
INSTANCES = 6


def status_bytes(field: str) -> int:
    """RssAnon (memory of this process alone) or RssFile (pages of mapped files)."""
    found = re.search(rf"^{field}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) * 1024


def run_all(model: aoti_runtime.Model) -> None:
    """As many callers at once as there are instances, each several times: every instance is used."""
    ids, mask = np.ones((1, 128), np.int64), np.ones((1, 128), np.int64)
    barrier = threading.Barrier(INSTANCES)

    def caller() -> None:
        barrier.wait()
        for _ in range(3):
            model.run(ids, mask)

    threads = [threading.Thread(target=caller) for _ in range(INSTANCES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_instances_share_the_weights() -> None:
    size = os.path.getsize(LIBRARY)
    anonymous, mapped = status_bytes("RssAnon"), status_bytes("RssFile")
    model = aoti_runtime.load(LIBRARY, num_models=INSTANCES, num_threads=1)
    run_all(model)
    assert status_bytes("RssFile") - mapped <= size + (1 << 20)
    # arenas, scratch and stacks; a copy of the weights in each instance would be INSTANCES times the library's size
    assert status_bytes("RssAnon") - anonymous < size / 2


def test_two_containers_share_the_weights() -> None:
    first = aoti_runtime.load(LIBRARY, num_models=1, num_threads=1)
    run_all(first)
    anonymous, mapped = status_bytes("RssAnon"), status_bytes("RssFile")
    second = aoti_runtime.load(LIBRARY, num_models=INSTANCES, num_threads=1)
    run_all(second)
    assert status_bytes("RssFile") - mapped <= 1 << 20
    assert status_bytes("RssAnon") - anonymous < os.path.getsize(LIBRARY) / 2
