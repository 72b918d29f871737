"""Where a locked source distribution can be fetched: asked of the indexes and folders that pip is set up with.

    find_source.py PROJECT==VERSION sha256:HEX     prints one URL a line, best first

pip itself would build what it downloads, only to read its metadata. So its settings are read from it (`pip config list`, and
the default index from its help), the project's page of the simple index (PEP 503) is read here, and Bazel fetches the file.
Which file it is, the hash decides: a link that carries another hash is passed over, one that carries none is taken by name.
Errors: exit status 1 with every index that was asked and what it said.
"""

import ast
import html.parser
import pathlib
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

_TIMEOUT_S = 60


def _pip(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "pip", *arguments], check=True, capture_output=True, text=True
    ).stdout


def settings(listing: str, help_text: str) -> tuple[list[str], list[str]]:
    """Indexes and folders, from the output of `pip config list` and of `pip download --help`.

    Environment variables (":env:") come before files, as for pip; its default index only where no other one is named.
    """
    named: dict[str, list[str]] = {"index-url": [], "extra-index-url": [], "find-links": []}
    lines = sorted(listing.splitlines(), key=lambda line: not line.startswith(":env:"))
    for line in lines:
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        if name in named:
            named[name] += str(ast.literal_eval(value)).split()
    if not named["index-url"]:
        named["index-url"] = re.findall(r"--index-url\s.*?\(default\s+(\S+?)\)", help_text, re.DOTALL)[:1]
    return named["index-url"] + named["extra-index-url"], named["find-links"]


def normalized(project: str) -> str:
    """A project's name as indexes spell it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", project).lower()


class _Links(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.targets += [value for name, value in attrs if tag == "a" and name == "href" and value]


def matches(target: str, project: str, version: str, sha256: str) -> bool:
    """Whether a link of an index page, or a file's name, is the distribution's archive."""
    address, _, fragment = target.partition("#")
    name = urllib.parse.unquote(address.rpartition("/")[2])
    stem = re.sub(r"\.(tar\.gz|zip)$", "", name)
    if stem == name or (normalized(stem.rpartition("-")[0]), stem.rpartition("-")[2]) != (
        normalized(project),
        version,
    ):
        return False
    return not fragment.startswith("sha256=") or fragment == "sha256=" + sha256


def _of_index(index: str, project: str, version: str, sha256: str) -> list[str]:
    page = (
        index.rstrip("/")
        + "/"
        + normalized(project)
        + "/"
        + ("index.html" if index.startswith("file:") else "")
    )
    request = urllib.request.Request(page, headers={"Accept": "text/html"})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as reply:
        text, base = reply.read().decode(errors="replace"), reply.url
    links = _Links()
    links.feed(text)
    return [
        urllib.parse.urljoin(base, target).partition("#")[0]
        for target in links.targets
        if matches(target, project, version, sha256)
    ]


def _of_folder(folder: str, project: str, version: str, sha256: str) -> list[str]:
    path = pathlib.Path(
        urllib.request.url2pathname(urllib.parse.urlparse(folder).path)
        if folder.startswith("file:")
        else folder
    )
    return [
        file.resolve().as_uri()
        for file in sorted(path.iterdir())
        if matches(file.name, project, version, sha256)
    ]


def _without_password(place: str) -> str:
    return re.sub(r"//[^/@]*@", "//****@", place)


def find(
    project: str, version: str, sha256: str, indexes: list[str], folders: list[str]
) -> tuple[list[str], list[str]]:
    """URLs of the archive, folders first, and a line for each place that has none."""
    found: list[str] = []
    said: list[str] = []
    for places, read in ((folders, _of_folder), (indexes, _of_index)):
        for place in places:
            try:
                urls = read(place, project, version, sha256)
            except (OSError, ValueError) as error:
                said.append(f"  {_without_password(place)}: {error}")
                continue
            found += urls
            if not urls:
                said.append(f"  {_without_password(place)}: has no such file")
    return list(dict.fromkeys(found)), list(dict.fromkeys(said))


def main() -> None:
    requirement, hashed = sys.argv[1:]
    project, _, version = requirement.partition("==")
    found, said = find(
        project,
        version,
        hashed.removeprefix("sha256:"),
        *settings(_pip("config", "list"), _pip("download", "--help")),
    )
    if not found:
        sys.exit(
            f"{requirement} as source ({hashed}) is in none of the places that pip is set up with:\n"
            + "\n".join(said)
            + "\nName one that has it by PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS."
        )
    print("\n".join(found))


if __name__ == "__main__":
    main()
