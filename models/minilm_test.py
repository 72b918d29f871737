"""all-MiniLM-L6-v2 against embeddings that the published model gave (make_minilm_reference.py)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy
import pytest
import torch

from models import minilm

REFERENCE = Path(__file__).parent / "testdata" / "minilm_reference.npz"
# What the issue allows for embeddings; the rows have length one.
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def weights() -> str:
    """The path of model.safetensors, which Bazel (or the caller) gives."""
    return os.environ["MINILM_WEIGHTS"]


@pytest.fixture(scope="module")
def model(weights: str) -> minilm.MiniLM:
    return minilm.load(weights)


def embed(model: minilm.MiniLM, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(ids, mask)["embedding"]  # type: ignore[no-any-return]


def test_embeddings_are_those_of_the_published_model(model: minilm.MiniLM) -> None:
    reference = numpy.load(REFERENCE)
    ids, mask = (torch.from_numpy(reference[name]) for name in ("input_ids", "attention_mask"))
    got = embed(model, ids, mask)
    assert got.shape == (len(ids), 384)
    assert (got - torch.from_numpy(reference["embedding"])).abs().max() < TOLERANCE
    assert (got.norm(dim=1) - 1).abs().max() < TOLERANCE


def test_padding_changes_nothing(model: minilm.MiniLM) -> None:
    reference = numpy.load(REFERENCE)
    ids, mask = (torch.from_numpy(reference[name][:1]) for name in ("input_ids", "attention_mask"))
    tokens = int(mask.sum())
    got = embed(model, ids[:, :tokens], mask[:, :tokens])
    assert (got - torch.from_numpy(reference["embedding"][:1])).abs().max() < TOLERANCE


@pytest.mark.parametrize(
    ("build", "shape"),
    [(minilm.build, (1, 128)), (minilm.build_1x32, (1, 32)), (minilm.build_8x128, (8, 128))],
)
def test_builds_have_the_sizes_they_name(weights: str, build: object, shape: tuple[int, int]) -> None:
    module, (ids, mask) = build(weights=weights)  # type: ignore[operator]
    assert not module.training
    assert ids.shape == mask.shape == shape and ids.dtype == mask.dtype == torch.int64
    lengths = mask.sum(1)
    assert (ids[:, 0] == minilm.CLS).all() and (lengths >= shape[1] // 2).all()
    assert (ids.gather(1, (lengths - 1)[:, None]) == minilm.SEP).all()
    assert (ids[mask == 0] == 0).all()


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    header = b'{"embeddings.word_embeddings.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    file.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(
        ValueError, match=r"expected embeddings.word_embeddings.weight, .*\[30522, 384\], found .*\[1\]"
    ):
        minilm.load(str(file))
