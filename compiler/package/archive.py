"""Writes a package: several compiled methods in one file, in PyTorch's layout, with every distinct constant once.

Enters: for each method its library, manifest and weights file. Leaves: NAME.pt2, a zip archive whose files are stored as they are
(`runtime/package/package_index.h` reads it in place), written whole or not at all.

    NAME/archive_format, archive_version, byteorder, .data/version
    NAME/data/aotinductor/METHOD/LIBRARY.wrapper.so      and its metadata, as PyTorch's loader expects them
    NAME/data/aotinductor/METHOD/manifest.json
    NAME/data/weights/aoti_weights.bin                   at a multiple of 4096
    NAME/extra/aoti_package.json                         where each constant of each method lies; state that methods share

Invariants
- Constants with equal bytes are stored once, whichever methods they belong to; each begins at a multiple of 64.
- The same input gives the same bytes: no times, no paths of the build.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import struct
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compiler.package import elf, manifest
from compiler.package.weights import ALIGNMENT_BYTES
from compiler.support.diagnostics import UserError
from compiler.support.version import COMPILER_VERSION

FORMAT = 1
_PAGE_BYTES = 4096
_LOCAL_HEADER_BYTES, _ZIP64_BYTES = 30, 20
_PADDING_ID = 0x4F41  # of an extra field that only fills up
_WEIGHTS = "data/weights/aoti_weights.bin"
_COPY_BYTES = 1 << 22


@dataclass(frozen=True)
class MethodFiles:
    """One compiled method: `weights` is read only where the library was compiled with `--weights=file`."""

    name: str
    library: Path
    manifest: Path
    weights: Path


@dataclass
class _Weights:
    """The shared file as it grows: where contents lie, and which piece of which file each is."""

    places: dict[tuple[bytes, int], int] = field(default_factory=dict)
    pieces: list[tuple[mmap.mmap, int, int]] = field(default_factory=list)
    total_bytes: int = 0

    def place(self, data: mmap.mmap, offset: int, size: int) -> int:
        """Where these bytes are in the shared file; adds them when they are new."""
        with memoryview(data)[offset : offset + size] as piece:
            key = hashlib.sha256(piece).digest(), size
        if key not in self.places:
            self.places[key] = self.total_bytes
            self.pieces.append((data, offset, size))
            self.total_bytes += -(-size // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
        return self.places[key]


def pack(methods: Sequence[MethodFiles], out: Path, shared_state: Sequence[str] = ()) -> None:
    """Writes `out`. Raises UserError naming the method and the file at fault."""
    names = [m.name for m in methods]
    if not names or len(set(names)) != len(names) or not all(n.isidentifier() for n in names):
        raise UserError(
            f"methods {', '.join(names) or '(none)'}: expected one name or more, all different, of letters, digits and _"
        )
    manifests = [_read_manifest(m) for m in methods]
    _check_state(methods, manifests, shared_state)
    weights = _Weights()
    index: dict[str, Any] = {
        "format": FORMAT,
        "compiler": COMPILER_VERSION,
        "shared_state": list(shared_state),
        "methods": {},
    }
    for method, described in zip(methods, manifests, strict=True):
        index["methods"][method.name] = {
            "library": f"data/aotinductor/{method.name}/{described['name']}.wrapper.so",
            "constants": _place_constants(method, described, weights),
        }
    try:
        _write(methods, manifests, index, weights, out)
    except OSError as e:
        raise UserError(f"cannot write {out}: {e.strerror}") from None


def _read_manifest(method: MethodFiles) -> dict[str, Any]:
    try:
        described: dict[str, Any] = json.loads(method.manifest.read_text())
    except (OSError, ValueError) as e:
        raise UserError(f"method {method.name}: cannot read the manifest {method.manifest}: {e}") from None
    if described.get("format") != manifest.FORMAT:
        raise UserError(
            f"method {method.name}: {method.manifest} has format {described.get('format')}; expected {manifest.FORMAT}"
        )
    if "aoti_model_api" not in elf.read(method.library).exported():
        raise UserError(f"method {method.name}: {method.library} is no model library of ours")
    return described


def _state(described: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """What the method's runs change: fqn -> what must agree for it to be shared."""
    return {
        c["fqn"]: (c["dtype"], tuple(c["shape"]), tuple(c["strides"]), c["size_bytes"])
        for c in described["constants"]
        if c.get("mutated")
    }


def _check_state(
    methods: Sequence[MethodFiles], manifests: Sequence[dict[str, Any]], shared: Sequence[str]
) -> None:
    for fqn in shared:
        owners = [
            (m.name, _state(d)[fqn]) for m, d in zip(methods, manifests, strict=True) if fqn in _state(d)
        ]
        if len(owners) < 2:
            raise UserError(
                f"shared state {fqn}: expected two methods or more that change it, found {[n for n, _ in owners]}"
            )
        if len({kept for _, kept in owners}) > 1:
            kept = "; ".join(f"{n}: {k[0]} {list(k[1])} strides {list(k[2])}" for n, k in owners)
            raise UserError(f"shared state {fqn}: the methods keep it differently ({kept}); they must agree")


def _place_constants(method: MethodFiles, described: dict[str, Any], weights: _Weights) -> list[list[int]]:
    """[offset, bytes] of every constant in the shared file; none for a library that has its weights inside."""
    if described.get("weights") != "file" or not described["constants"]:
        return []
    try:
        with method.weights.open("rb") as f:
            data = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as e:
        raise UserError(f"method {method.name}: cannot read the weights {method.weights}: {e}") from None
    with memoryview(data) as whole:
        found = hashlib.sha256(whole).hexdigest()
    if found != described["weights_sha256"]:
        raise UserError(
            f"method {method.name}: {method.weights} is not the weights file that {method.manifest} describes"
        )
    return [
        [weights.place(data, c["offset_bytes"], c["size_bytes"]), c["size_bytes"]]
        for c in described["constants"]
    ]


def _write(
    methods: Sequence[MethodFiles],
    manifests: Sequence[dict[str, Any]],
    index: dict[str, Any],
    weights: _Weights,
    out: Path,
) -> None:
    root = out.name.removesuffix(".pt2")
    handle, scratch = tempfile.mkstemp(prefix=f".{out.name}-", dir=out.parent)
    try:
        with os.fdopen(handle, "wb") as f, zipfile.ZipFile(f, "w", zipfile.ZIP_STORED) as archive:
            for name, text in (
                ("archive_format", "pt2"),
                ("byteorder", "little"),
                (".data/version", "6\n"),
                ("archive_version", "0"),
            ):
                _add(archive, f"{root}/{name}", text.encode())
            for method, described in zip(methods, manifests, strict=True):
                folder = f"{root}/data/aotinductor/{method.name}"
                _add(archive, f"{folder}/{described['name']}.wrapper.so", method.library.read_bytes())
                metadata = {"AOTI_DEVICE_KEY": described["device"]}
                _add(
                    archive,
                    f"{folder}/{described['name']}.wrapper_metadata.json",
                    json.dumps(metadata).encode(),
                )
                _add(archive, f"{folder}/manifest.json", manifest.text(described).encode())
            _add(archive, f"{root}/extra/aoti_package.json", json.dumps(index, sort_keys=True).encode())
            if weights.total_bytes:
                _add_weights(archive, f"{root}/{_WEIGHTS}", weights)
        os.chmod(scratch, 0o644)
        os.replace(scratch, out)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


def _entry(archive: zipfile.ZipFile, name: str, alignment: int) -> zipfile.ZipInfo:
    """An entry whose first byte will lie at a multiple of `alignment`; its header has a zip64 field."""
    if archive.fp is None:
        raise ValueError("the archive is closed")
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o644 << 16
    begin = archive.fp.tell() + _LOCAL_HEADER_BYTES + len(name.encode()) + _ZIP64_BYTES
    fill = -(begin + 4) % alignment
    entry.extra = struct.pack("<HH", _PADDING_ID, fill) + bytes(fill)
    return entry


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    with archive.open(_entry(archive, name, ALIGNMENT_BYTES), "w", force_zip64=True) as f:
        f.write(data)


def _add_weights(archive: zipfile.ZipFile, name: str, weights: _Weights) -> None:
    with archive.open(_entry(archive, name, _PAGE_BYTES), "w", force_zip64=True) as f:
        for data, offset, size in weights.pieces:
            for begin in range(offset, offset + size, _COPY_BYTES):
                f.write(data[begin : min(begin + _COPY_BYTES, offset + size)])
            f.write(bytes(-size % ALIGNMENT_BYTES))
