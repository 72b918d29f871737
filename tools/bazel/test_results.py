"""Counts test targets in Bazel's build events and prints `N passed, N failed` as the last line.

    test_results.py EVENTS STATUS

Enters: the file of --build_event_json_file (one JSON object a line; missing or cut short when Bazel died) and Bazel's exit
status. Leaves: the names of failed targets on stderr, the count on stdout, exit code 0 only when Bazel succeeded, at least
one test ran and none failed. A target that did not build, or did not run, counts as failed; so does Bazel's own failure
when no test can be blamed for it. A test of another platform is named and not counted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PASSED = ("PASSED", "FLAKY")
# A test of another platform (target_compatible_with): neither passed nor failed.
SKIPPED = "SKIPPED"


def events(path: Path) -> Iterator[dict[str, Any]]:
    """The events of the file; a last line that was cut short is left out."""
    if not path.exists():
        return
    for line in path.read_text(errors="replace").splitlines():
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(event, dict):
            yield event


def is_test(event: dict[str, Any]) -> bool:
    return str(event["configured"].get("targetKind", "")).endswith("_test rule")


def results(path: Path) -> dict[str, str]:
    """Test target -> its status; "NO_STATUS" for one that was to be tested and was not."""
    found: dict[str, str] = {}
    for event in events(path):
        identity = event.get("id", {})
        if "targetConfigured" in identity and "configured" in event and is_test(event):
            if "manual" not in event["configured"].get("tag", []):
                found.setdefault(identity["targetConfigured"]["label"], "NO_STATUS")
        elif "targetCompleted" in identity and event.get("aborted", {}).get("reason") == SKIPPED:
            if identity["targetCompleted"]["label"] in found:
                found[identity["targetCompleted"]["label"]] = SKIPPED
        elif "testSummary" in identity and "testSummary" in event:
            found[identity["testSummary"]["label"]] = event["testSummary"].get("overallStatus", "NO_STATUS")
    return found


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    everything, status = results(Path(arguments[0])), int(arguments[1])
    for label in sorted(label for label, outcome in everything.items() if outcome == SKIPPED):
        print(f"{label}: not for this platform", file=sys.stderr)
    found = {label: outcome for label, outcome in everything.items() if outcome != SKIPPED}
    failed = {label: outcome for label, outcome in sorted(found.items()) if outcome not in PASSED}
    for label, outcome in failed.items():
        print(f"{label}: {outcome}", file=sys.stderr)
    count = len(failed)
    if not failed and (status or not found):
        count = 1
        print(
            f"bazel: exit status {status}, {len(found)} test targets; see its messages above", file=sys.stderr
        )
    print(f"{len(found) - len(failed)} passed, {count} failed", flush=True)
    return status or (1 if count else 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
