"""Opens reports in a real browser and uses them as a person would: `//tests/report:in_browser`.

Enters: HTML files, or none for the reports of the models in `report_models`; a Chromium or Chrome. Leaves: a picture of each part in
--pictures, and exit code 1 with a line for each thing that is wrong:
- a complaint of the page's scripts, or a request for anything beside the file itself
- a chart that is empty, or that shows nothing when the mouse points at it; a chart with fewer marks than the page has things to show
- a link that does not lead to its part; a kernel that does not open, or whose source is not seen
- a page that is wider than its window, on a desk or on a telephone
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from absl import app, flags

from tests.report import browser, example_reports
from tests.report.browser import BrowserError, Tab

FLAGS = flags.FLAGS
flags.DEFINE_string(
    "browser", "", f"Program of a Chromium or Chrome; default: ${browser.VARIABLE}, or one that is installed."
)
flags.DEFINE_string("pictures", "", "Folder for pictures of each part; default: none are kept.")

WIDTHS = {"desk": 1280, "telephone": 390}
CHARTS = ("graph", "floors", "memory", "weights")
# How many marks a chart has: points, or bars.
_MARKS = "document.querySelectorAll('#chart-{name} .point').length"
_GIVEN = """document.querySelector('#chart-{name}').calcdata
  .filter(points => points[0].trace.mode !== 'lines').reduce((sum, points) => sum + points.length, 0)"""
# The middle of its largest mark, which is moved into the window.
_PLACE_OF_MARK = """(() => {{
  document.querySelector('#chart-{name}').scrollIntoView({{block: 'center'}});
  const boxes = [...document.querySelectorAll('#chart-{name} .point')].map(e => e.getBoundingClientRect());
  const box = boxes.reduce((a, b) => (a.width * a.height < b.width * b.height ? b : a));
  return [box.x + box.width / 2, box.y + box.height / 2];
}})()"""
_TOOLTIP = """new Promise(done => setTimeout(
  () => done([...document.querySelectorAll('#chart-{name} .hoverlayer text')].map(t => t.textContent).join(' ')), 400))"""
_PLACE = """(() => {{
  const parts = [...document.querySelectorAll('h2')], top = e => e.getBoundingClientRect().top + scrollY;
  const n = parts.findIndex(e => e.id === '{part}');
  const end = n + 1 < parts.length ? top(parts[n + 1]) : document.documentElement.scrollHeight;
  return {{x: 0, y: top(parts[n]), width: document.documentElement.clientWidth, height: Math.min(end - top(parts[n]), 2000)}};
}})()"""


def main(argv: Sequence[str]) -> int:
    """The exit code: 0 where every report is in order, 1 where one is not, 2 without a browser."""
    try:
        program = browser.program(FLAGS.browser)
    except BrowserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    pictures = Path(FLAGS.pictures) if FLAGS.pictures else None
    with tempfile.TemporaryDirectory(prefix="aoti-reports-", ignore_cleanup_errors=True) as folder:
        files = [Path(f).resolve() for f in argv[1:]] or example_reports.write(Path(folder))
        found = []
        for kind, width in WIDTHS.items():
            profile = Path(folder, kind)
            profile.mkdir()
            with browser.tab(program, profile, width) as tab:
                for file in files:
                    wrong = list(_look_at(tab, file, pictures if kind == "desk" else None))
                    found += [f"{file.name} on a {kind}: {what}" for what in wrong]
                    print(f"{file.name} on a {kind}: {len(wrong)} findings", file=sys.stderr)
    print("".join(f"{line}\n" for line in found), end="")
    return 1 if found else 0


def _look_at(tab: Tab, file: Path, pictures: Path | None) -> Iterator[str]:
    """What is wrong with the page."""
    tab.open(file.as_uri())
    parts = tab.evaluate("[...document.querySelectorAll('h2')].map(e => e.id)")
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
        for part in parts:
            tab.picture(pictures / f"{file.stem}_{part}.png", tab.evaluate(_PLACE.format(part=part)))
    for name in CHARTS:
        yield from _chart(tab, name)
    yield from _links(tab, parts)
    yield from _kernels(tab)
    if pictures:
        tab.picture(pictures / f"{file.stem}_open.png", tab.evaluate(_PLACE.format(part="kernels")))
    wide, window = tab.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    if wide > window:
        yield f"the page is {wide} pixels wide in a window of {window}"
    yield from tab.complaints
    yield from (f"the page asked for {address}" for address in tab.fetched)


def _chart(tab: Tab, name: str) -> Iterator[str]:
    marks = tab.evaluate(_MARKS.format(name=name))
    expected = tab.evaluate(_GIVEN.format(name=name))
    if marks != expected:
        yield f"the chart of {name} has {marks} marks, not {expected}"
    if not marks:
        return
    tab.point_at(*tab.evaluate(_PLACE_OF_MARK.format(name=name)))
    if not tab.evaluate(_TOOLTIP.format(name=name)).strip():
        yield f"the chart of {name} shows nothing when the mouse points at its largest mark"


def _links(tab: Tab, parts: Sequence[str]) -> Iterator[str]:
    linked = tab.evaluate("[...document.querySelectorAll('nav a')].map(a => a.hash.slice(1))")
    if linked != parts:
        yield f"links to {linked}, but the parts are {parts}"
    for number, part in enumerate(linked):
        tab.evaluate("scrollTo(0, 0)")
        place = tab.evaluate(
            f"(b => [b.x + b.width / 2, b.y + b.height / 2])(document.querySelectorAll('nav a')[{number}].getBoundingClientRect())"
        )
        tab.click(*place)
        top, lowest = tab.evaluate(
            f"[document.getElementById('{part}').getBoundingClientRect().top, innerHeight]"
        )
        if not -1 <= top < lowest:
            yield f"the link to {part} leaves it at {top} of {lowest}"


def _kernels(tab: Tab) -> Iterator[str]:
    """Opens every one by a click."""
    count = tab.evaluate("document.querySelectorAll('details').length")
    for number in range(count):
        which = f"document.querySelectorAll('details')[{number}]"
        place = f"""(() => {{
          const summary = {which}.querySelector('summary');
          summary.scrollIntoView({{block: 'center'}});
          const box = summary.getBoundingClientRect();
          return [box.x + 20, box.y + box.height / 2];
        }})()"""
        tab.click(*tab.evaluate(place))
        name = tab.evaluate(f"{which}.querySelector('code').textContent")
        if not tab.evaluate(f"{which}.open"):
            yield f"{name} does not open"
        elif not tab.evaluate(
            f"(p => p && p.checkVisibility() && p.textContent.trim().length)({which}.querySelector('pre'))"
        ):
            yield f"{name} has no source to see"


if __name__ == "__main__":
    app.run(main)
