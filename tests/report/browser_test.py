"""The browser's side without a browser: programs that are none, and a stand-in that speaks the protocol."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from tests.report import browser
from tests.report.browser import BrowserError

# Answers every call; says of the page what a test wants it to say.
_STAND_IN = """\
#!{python}
import json, os
rest = b""
def say(message):
    os.write(4, json.dumps(message).encode() + b"\\0")
while True:
    rest += os.read(3, 65536)
    while b"\\0" in rest:
        text, _, rest = rest.partition(b"\\0")
        call = json.loads(text)
        if call["method"] == "Page.navigate":
            for method, params in {events!r}:
                say({{"method": method, "params": params}})
        results = {{"Target.createTarget": {{"targetId": "1"}}, "Target.attachToTarget": {{"sessionId": "2"}}}}
        say({{"id": call["id"], "result": results.get(call["method"], {results!r}.get(call["method"], {{}}))}})
"""
_LOADED: tuple[str, object] = ("Page.loadEventFired", {})


def _stand_in(folder: Path, events: list[tuple[str, object]], results: dict[str, object]) -> str:
    file = folder / "stand_in"
    file.write_text(_STAND_IN.format(python=sys.executable, events=events, results=results))
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return str(file)


def test_no_browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(browser.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        BrowserError,
        match=r"none of chromium, .* is installed; name a Chromium or Chrome by --browser=PROGRAM or AOTI_BROWSER",
    ):
        browser.program("")
    monkeypatch.setenv(browser.VARIABLE, "/no/such/browser")
    with pytest.raises(BrowserError, match="/no/such/browser is no program; name"):
        browser.program("")
    with pytest.raises(BrowserError, match="/neither is no program"):
        browser.program("/neither")


def test_complaints_and_requests_are_remembered(tmp_path: Path) -> None:
    said: list[tuple[str, object]] = [
        (
            "Runtime.exceptionThrown",
            {"exceptionDetails": {"exception": {"description": "TypeError: x is undefined"}}},
        ),
        ("Runtime.consoleAPICalled", {"type": "error", "args": [{"value": "no such chart"}]}),
        ("Runtime.consoleAPICalled", {"type": "log", "args": [{"value": "all is well"}]}),
        ("Log.entryAdded", {"entry": {"level": "warning", "text": "slow"}}),
        ("Network.requestWillBeSent", {"request": {"url": "file:///r.html"}}),
        ("Network.requestWillBeSent", {"request": {"url": "https://example.org/plotly.js"}}),
        ("Network.requestWillBeSent", {"request": {"url": "data:image/png;base64,AA=="}}),
        _LOADED,
    ]
    answers: dict[str, object] = {"Runtime.evaluate": {"result": {"value": 42}}}
    with browser.tab(_stand_in(tmp_path, said, answers), tmp_path) as tab:
        tab.open("file:///r.html#part")
        assert tab.evaluate("6 * 7") == 42
        assert tab.complaints == [
            "TypeError: x is undefined",
            "console.error: no such chart",
            "warning: slow",
        ]
        assert tab.fetched == ["https://example.org/plotly.js"]


def test_a_page_that_cannot_be_opened(tmp_path: Path) -> None:
    answers: dict[str, object] = {
        "Page.navigate": {"errorText": "net::ERR_FILE_NOT_FOUND"},
        "Runtime.evaluate": {"result": {}, "exceptionDetails": {"text": "Uncaught"}},
    }
    with browser.tab(_stand_in(tmp_path, [], answers), tmp_path) as tab:
        with pytest.raises(BrowserError, match="file:///none.html: net::ERR_FILE_NOT_FOUND"):
            tab.open("file:///none.html")
        with pytest.raises(BrowserError, match="1 [+]: Uncaught"):
            tab.evaluate("1 +")


def test_a_browser_that_ends(tmp_path: Path) -> None:
    with pytest.raises(BrowserError, match="the browser has ended"), browser.tab("/bin/true", tmp_path):
        pass
