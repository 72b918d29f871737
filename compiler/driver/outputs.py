"""Where the outputs of a compilation go, and how they appear there: all of them at the end, or none.

Enters: paths that the command line names. Leaves: a scratch folder on the same disk, and after `publish` the outputs in place. A run
that fails or is killed leaves at most a hidden scratch folder, never half an output.

    out/.my_model_aoti-k3j2/wrapper/model.cpp   --publish-->   out/wrapper/model.cpp
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from compiler.support.disk import cannot_write, move


@dataclass(frozen=True)
class OutputPaths:
    """Final places. `library` is None when only sources are wanted, `images` when the model runs on the CPU."""

    wrapper_dir: Path
    kernels_dir: Path
    header: Path
    weights: Path
    manifest: Path
    library: Path | None
    images: Path | None = None


class Scratch:
    """The folder in which outputs are made; removed at the end. Use with `with`."""

    def __init__(self, paths: OutputPaths, name: str) -> None:
        self.paths = paths
        try:
            paths.manifest.parent.mkdir(parents=True, exist_ok=True)
            parent = paths.manifest.parent.absolute()  # compilers are run in other folders
            self.folder = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=parent))
        except OSError as e:
            raise cannot_write(e, paths.manifest.parent) from None

    def __enter__(self) -> Scratch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def write_tree(self, name: str, files: Mapping[str, str]) -> Path:
        """A folder of text files."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        for file, text in files.items():
            self.write(f"{name}/{file}", text)
        return folder

    def write(self, name: str, text: str) -> Path:
        """One text file."""
        path = self.folder / name
        with self.guard():
            path.write_text(text)
        return path

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Turns a failure to write into the scratch folder into an error for people."""
        try:
            yield
        except OSError as e:
            raise cannot_write(e, self.folder) from None

    def publish_tree(self, source: Path, final: Path) -> None:
        """Moves the files of `source` to `final` and removes what an earlier run left there."""
        try:
            final.mkdir(parents=True, exist_ok=True)
            wanted = {p.name for p in source.iterdir()}
            for path in source.iterdir():
                move(path, final / path.name)
            for old in final.iterdir():
                if old.name not in wanted and old.suffix in (".cpp", ".h", ".py"):
                    old.unlink()
        except OSError as e:
            raise cannot_write(e, final) from None

    def publish(self, source: Path, final: Path) -> None:
        """Moves one file to its place."""
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            move(source, final)
        except OSError as e:
            raise cannot_write(e, final.parent) from None
