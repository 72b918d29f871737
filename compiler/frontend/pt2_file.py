"""Opens a `.pt2` archive: every way in which a file is not one has a message of its own.

A `.pt2` is a zip of uncompressed members: `NAME/models/model.json` is the exported program (torch/_export/serde/schema.py), and below
`NAME/data/` lie the tensors, raw, with a JSON index.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import shutil
import struct
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch._export.serde.schema import SCHEMA_VERSION

from compiler.support.diagnostics import UserError

_HOW_TO_MAKE = "make it with `python -m compiler.driver.export MODEL.py -o MODEL.pt2` or torch.export.save"
_LOCAL_HEADER_BYTES = 30  # of a zip member, before its name and extra field (APPNOTE.TXT 4.3.7)


# What zipfile, zlib and json raise of bytes that are no whole archive; an encrypted or unknown member and JSON nested without end are
# RuntimeErrors.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, ValueError, KeyError, TypeError, AttributeError, EOFError, RuntimeError,
)  # fmt: skip


class Archive:
    """A checked archive: its members by name, its program as parsed JSON."""

    def __init__(
        self,
        path: Path,
        members: dict[str, tuple[int, int]],
        memory: mmap.mmap,
        root: str,
        model: dict[str, Any],
    ) -> None:
        self.path = path
        self.root = root
        self.model = model
        self._members = members
        self._memory = memory
        self._changed: dict[str, bytes] = {}  # members that are to be read in place of the file's

    def with_json(self, change: Callable[[Any], Any]) -> Archive:
        """The archive with all of its JSON changed, the program and what describes its tensors; the tensors themselves stay."""
        new = Archive(self.path, self._members, self._memory, self.root, change(self.model))
        for member, (begin, size) in self._members.items():
            if member.endswith("_config.json"):
                new._changed[member] = json.dumps(
                    change(json.loads(self._memory[begin : begin + size]))
                ).encode()
            elif "/models/" in member and member.endswith(".json"):
                new._changed[member] = json.dumps(new.model).encode()
        return new

    def json(self, name: str) -> Any:
        """A JSON member; None where there is none."""
        member = f"{self.root}/{name}"
        if member in self._changed:
            return json.loads(self._changed[member])
        found = self._members.get(member)
        return None if found is None else json.loads(self._memory[found[0] : found[0] + found[1]])

    def storage(self, name: str) -> torch.Tensor:
        """A member's bytes, mapped, not copied. Raises KeyError."""
        offset, length = self._members[f"{self.root}/{name}"]
        return (
            torch.frombuffer(self._memory, dtype=torch.uint8, count=length, offset=offset)
            if length
            else torch.empty(0)
        )

    @contextlib.contextmanager
    def file(self) -> Iterator[Path]:
        """A file with all of this, for as long as the context lasts: the archive's own, or a changed copy of it."""
        if not self._changed:
            yield self.path
            return
        with tempfile.TemporaryDirectory(prefix="aoti-pt2-") as folder:
            copy = Path(folder) / self.path.name
            with (
                zipfile.ZipFile(self.path) as source,
                zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as target,
            ):
                for member in source.infolist():
                    with (
                        source.open(member) as read,
                        target.open(member.filename, "w", force_zip64=True) as write,
                    ):
                        if member.filename in self._changed:
                            write.write(self._changed[member.filename])
                        else:
                            shutil.copyfileobj(read, write, 1 << 20)
            yield copy


def open_archive(path: Path) -> Archive:
    """The archive, every byte of it checked against its checksums. Raises UserError."""
    if not path.exists():
        raise UserError(f"{path}: there is no such file; {_HOW_TO_MAKE}")
    if path.is_dir():
        raise UserError(f"{path}: is a folder, expected a .pt2 file; {_HOW_TO_MAKE}")
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            damaged = archive.testzip()
            names = [n for n in archive.namelist() if "/models/" in n and n.endswith(".json")]
            model = json.loads(archive.read(names[0])) if names else {}
            version = model.get("schema_version")
            # Copy-on-write: tensors over the mapping may be written without reaching the file.
            memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
            members = {
                i.filename: (_start(memory, i), i.file_size)
                for i in archive.infolist()
                if i.compress_type == zipfile.ZIP_STORED
            }
    except (OSError, *_DAMAGE) as error:
        if isinstance(error, OSError) and error.errno is not None:  # without one it is bz2's word for damage
            raise UserError(f"{path}: cannot be read: {error.strerror}") from error
        raise UserError(f"{path}: is not a whole .pt2 archive ({error}); {_HOW_TO_MAKE}") from error
    if damaged is not None:
        raise UserError(
            f"{path}: {damaged} inside the archive is damaged (its checksum is wrong); {_HOW_TO_MAKE}"
        )
    _check_version(path, version, model.get("torch_version"))
    return Archive(path, members, memory, names[0].partition("/models/")[0], model)


def _start(memory: mmap.mmap, member: zipfile.ZipInfo) -> int:
    """Where a member's data begins: its local header says how long the name and the extra field are there."""
    lengths = memory[member.header_offset + 26 : member.header_offset + _LOCAL_HEADER_BYTES]
    return (
        member.header_offset
        + _LOCAL_HEADER_BYTES
        + int.from_bytes(lengths[:2], "little")
        + int.from_bytes(lengths[2:], "little")
    )


def _check_version(path: Path, version: Any, by: Any) -> None:
    if not isinstance(version, dict):
        raise UserError(f"{path}: is an archive without an exported program (models/*.json); {_HOW_TO_MAKE}")
    major, minor = SCHEMA_VERSION
    there = version.get("minor")
    # A later minor version may have fields that a reader of this one would silently leave out. Within one version of the schema the
    # decompositions and defaults of operators change from release to release, and nothing in the file says which ones it relies on.
    if (
        version.get("major") != major
        or not isinstance(there, int)
        or there > minor
        or _release(by) != _release(torch.__version__)
    ):
        raise UserError(
            f"{path}: was exported by torch {by or 'of an unknown version'} with schema version {version.get('major')}.{there}, this is "
            f"torch {torch.__version__} with {major}.{minor}; export the model again with torch {torch.__version__}"
        )


def _release(version: Any) -> str:
    """2.13 of 2.13.0+cpu."""
    return ".".join(str(version).split(".")[:2])


def load_with_torch(archive: Archive) -> torch.export.ExportedProgram:
    """The program by PyTorch's own loader, which knows everything that a program may hold."""
    try:
        with warnings.catch_warnings(), archive.file() as path:
            warnings.simplefilter("ignore")
            return torch.export.load(path)
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(
            f"{archive.path}: torch {torch.__version__} cannot read the exported program: {reason}. The file is damaged, or uses "
            "operators that are not registered here; export the model again with this version"
        ) from error
