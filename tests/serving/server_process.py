"""aoti_server as a process, for tests: started on free ports, ended at the end of a `with`.

with ServerProcess("--model=toy=libtoy.so") as server:
    status, headers, body = server.ask("GET", "/v2/health/live")
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

SERVER = "runtime/server/aoti_server"
Answer = tuple[int, dict[str, str], bytes]


class ServerProcess:
    """What it logs is in `log` once it has ended."""

    def __init__(self, *flags: str, grpc: bool = False) -> None:
        ports = ["--rest-port=0", f"--grpc-port={0 if grpc else 'off'}"]
        self.process = subprocess.Popen(
            [SERVER, *ports, *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.log = ""
        assert self.process.stdout is not None
        self.addresses: dict[str, str] = {}
        for _ in range(2 if grpc else 1):
            protocol, _, address = self.process.stdout.readline().strip().partition(" ")
            self.addresses[protocol] = address
        if "rest" not in self.addresses:
            raise AssertionError(f"the server did not start: {self.process.communicate()[1]}")

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.stop(signal.SIGKILL if error else signal.SIGTERM)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """The exit status."""
        self.process.send_signal(number)
        self.log = self.process.communicate(timeout=30)[1]
        return self.process.returncode

    @property
    def host(self) -> str:
        return self.addresses["rest"].split(":")[0]

    @property
    def port(self) -> int:
        return int(self.addresses["rest"].split(":")[1])

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=20)

    def ask(
        self, method: str, path: str, body: bytes | str = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        connection = self.connect()
        try:
            return ask_on(connection, method, path, body, headers)
        finally:
            connection.close()

    def json(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        status, _, answer = self.ask(method, path, b"" if body is None else json.dumps(body))
        return status, json.loads(answer)

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def resident_bytes(self) -> int:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


def ask_on(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | str = b"",
    headers: dict[str, str] | None = None,
) -> Answer:
    connection.request(method, path, body or None, headers or {})
    response = connection.getresponse()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
