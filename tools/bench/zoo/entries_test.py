"""Every entry of the zoo has a build function, and the zoo is as large and as broad as it says."""

from __future__ import annotations

import importlib
from collections import Counter

from tools.bench.zoo.entries import ENTRIES, Entry


def test_every_entry_has_a_build_function() -> None:
    missing = []
    for entry in ENTRIES.values():
        module = importlib.import_module(f"tools.bench.zoo.models.{entry.file}")
        if not callable(getattr(module, entry.name, None)):
            missing.append(f"{entry.name} is not in {entry.source_file()}")
    assert not missing, missing


def test_unknown_models_are_refused_by_their_files() -> None:
    for file in {entry.file for entry in ENTRIES.values()}:
        assert not hasattr(importlib.import_module(f"tools.bench.zoo.models.{file}"), "no_such_model")


def test_no_family_stands_for_all() -> None:
    families = Counter(entry.family for entry in ENTRIES.values())
    assert len(ENTRIES) >= 60
    assert max(families.values()) <= len(ENTRIES) / 3


def test_models_are_chosen_by_name_family_or_library() -> None:
    entry = Entry("resnet50", "convnet", "torchvision", "torchvision_models")
    assert all(entry.matches(w) for w in ("resnet50", "resnet", "convnet", "torchvision"))
    assert not any(entry.matches(w) for w in ("conv", "50", "timm"))
