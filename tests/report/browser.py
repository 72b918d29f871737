"""A Chromium without a window, driven through its DevTools protocol over a pair of pipes: nothing but the browser is needed.

Enters: the browser's program. Leaves: a `Tab` that opens pages, evaluates JavaScript, moves the mouse and takes pictures, and that
remembers what went wrong in the page and what the page fetched.

    with browser.tab(program, folder) as tab:
        tab.open("file:///tmp/report.html")
        tab.evaluate("document.title")          "my_model: compilation report"
        tab.complaints, tab.fetched             [], []

The protocol: JSON messages with a zero byte after each, to file descriptor 3 of the browser and from its descriptor 4
(https://chromedevtools.github.io/devtools-protocol/).
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

VARIABLE = "AOTI_BROWSER"
KNOWN = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SECONDS = 60.0
_ENDED = "the browser has ended; browser.log in its folder says why"


class BrowserError(Exception):
    """No browser, one that does not answer, or a page that cannot be opened."""


def program(named: str) -> str:
    """The browser's program: `named`, or the environment's, or one that is installed. Raises BrowserError."""
    wanted = named or os.environ.get(VARIABLE, "")
    found = shutil.which(wanted) if wanted else next(filter(None, map(shutil.which, KNOWN)), None)
    if found is None:
        what = f"{wanted} is no program" if wanted else f"none of {', '.join(KNOWN)} is installed"
        raise BrowserError(f"{what}; name a Chromium or Chrome by --browser=PROGRAM or {VARIABLE}=PROGRAM")
    return found


@contextmanager
def tab(program: str, folder: Path, width: int = 1280, height: int = 900) -> Iterator[Tab]:
    """A browser with one tab; `folder` holds its profile. It ends with the block."""
    to_browser, from_browser = os.pipe(), os.pipe()
    command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
               "--remote-debugging-pipe", f"--user-data-dir={folder}", f"--window-size={width},{height}"]  # fmt: skip

    def hand_over() -> None:  # to the two descriptors that the browser looks at
        ends = os.dup(to_browser[0]), os.dup(from_browser[1])
        os.dup2(ends[0], 3)
        os.dup2(ends[1], 4)

    with (folder / "browser.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, close_fds=False, preexec_fn=hand_over
        )
    os.close(to_browser[0])
    os.close(from_browser[1])
    try:
        yield Tab(to_browser[1], from_browser[0], (width, height))
    finally:
        process.terminate()
        process.wait()
        os.close(to_browser[1])
        os.close(from_browser[0])


class Tab:
    """`complaints`: exceptions, and errors and warnings on the console. `fetched`: addresses that the page asked for, beside its own."""

    def __init__(self, write_to: int, read_from: int, size: tuple[int, int]) -> None:
        self.complaints: list[str] = []
        self.fetched: list[str] = []
        self._write_to, self._read_from = write_to, read_from
        self._number, self._rest, self._session = 0, b"", ""
        self._loaded, self._address = False, ""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")
        self._call("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False)  # fmt: skip

    def open(self, address: str) -> None:
        """Returns when the page and its scripts are loaded."""
        self._loaded, self._address = False, address.partition("#")[0]
        self.complaints, self.fetched = [], []
        answer = self._call("Page.navigate", url=address)
        if "errorText" in answer:
            raise BrowserError(f"{address}: {answer['errorText']}")
        end = time.monotonic() + SECONDS
        while not self._loaded:
            self._receive(end)

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression; what it throws is a BrowserError."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{script}: {_said(answer['exceptionDetails'])}")
        return answer["result"].get("value")

    def point_at(self, x: float, y: float) -> None:
        """Moves the mouse to a place of the window."""
        self._call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def picture(self, file: Path, clip: Mapping[str, float]) -> None:
        """A part of the page (x, y, width, height, from its top left corner) as PNG, whether it is in the window or not."""
        area = {**clip, "scale": 1}
        answer = self._call("Page.captureScreenshot", format="png", clip=area, captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(answer["data"]))

    # -- messages ----------------------------------------------------------------------------------------------------

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        try:
            os.write(self._write_to, json.dumps(message).encode() + b"\0")
        except BrokenPipeError:
            raise BrowserError(_ENDED) from None
        end = time.monotonic() + SECONDS
        while True:
            answer = self._receive(end)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                found: dict[str, Any] = answer["result"]
                return found

    def _receive(self, end: float) -> dict[str, Any]:
        """The next message; events are taken note of on the way."""
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read_from], [], [], max(end - time.monotonic(), 0))
            if not ready:
                raise BrowserError(f"the browser has not answered for {SECONDS:.0f} s")
            part = os.read(self._read_from, 1 << 20)
            if not part:
                raise BrowserError(_ENDED)
            self._rest += part
        text, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        self._note(str(message.get("method", "")), message.get("params", {}))
        return message

    def _note(self, event: str, said: Mapping[str, Any]) -> None:
        if event == "Page.loadEventFired":
            self._loaded = True
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(_said(said["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning", "assert"):
            values = (str(a.get("value", a.get("description", ""))) for a in said["args"])
            self.complaints.append(f"console.{said['type']}: {' '.join(values)}")
        elif event == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{said['entry']['level']}: {said['entry']['text']}")
        elif event == "Network.requestWillBeSent":
            address = said["request"]["url"]
            if address.partition("#")[0] != self._address and not address.startswith(("data:", "blob:")):
                self.fetched.append(address)


def _said(details: Mapping[str, Any]) -> str:
    """The text of an exception."""
    return str(details.get("exception", {}).get("description") or details.get("text", "an exception"))
