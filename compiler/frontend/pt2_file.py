"""Opens a `.pt2` archive: every way in which a file is not one has a message of its own."""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path

import torch
from torch._export.serde.schema import SCHEMA_VERSION

from compiler.support.diagnostics import UserError

_HOW_TO_MAKE = "make it with `python -m compiler.driver.export MODEL.py -o MODEL.pt2` or torch.export.save"


def read(path: Path) -> torch.export.ExportedProgram:
    """The program in the file. Raises UserError."""
    if not path.exists():
        raise UserError(f"{path}: there is no such file; {_HOW_TO_MAKE}")
    if path.is_dir():
        raise UserError(f"{path}: is a folder, expected a .pt2 file; {_HOW_TO_MAKE}")
    _check_archive(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.export.load(path)
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(
            f"{path}: torch {torch.__version__} cannot read the exported program: {reason}. The file is damaged, or uses operators that are not "
            "registered here; export the model again with this version"
        ) from error


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            models = [n for n in archive.namelist() if "/models/" in n and n.endswith(".json")]
            version = json.loads(archive.read(models[0]))["schema_version"] if models else None
            damaged = archive.testzip()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError, EOFError) as error:
        raise UserError(f"{path}: is not a whole .pt2 archive ({error}); {_HOW_TO_MAKE}") from error
    if damaged is not None:
        raise UserError(f"{path}: {damaged} inside the archive is damaged (its checksum is wrong); {_HOW_TO_MAKE}")
    if version is None:
        raise UserError(f"{path}: is an archive without an exported program (models/*.json); {_HOW_TO_MAKE}")
    if version.get("major") != SCHEMA_VERSION[0]:
        raise UserError(
            f"{path}: was exported with schema version {version.get('major')}.{version.get('minor')}, this torch ({torch.__version__}) reads "
            f"{SCHEMA_VERSION[0]}.x; export the model again with torch {torch.__version__}"
        )
