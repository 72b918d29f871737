"""Serves one model on a Ray cluster of this machine until it is interrupted:

bazel run //runtime/ray_serve:serve_model -- --model=$PWD/libscore.so --replicas=2

then  curl -d '{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}' 127.0.0.1:8000/v2/models/score/infer
"""

from __future__ import annotations

import ray
from absl import app, flags
from ray import serve

from runtime.ray_serve.deployment import ModelSource, model_deployment

_MODEL = flags.DEFINE_string("model", None, "The library, or the package.", required=True)
_METHOD = flags.DEFINE_string("method", "", "The method of a package.")
_REPLICAS = flags.DEFINE_integer("replicas", 1, "Processes with the model.")
_PORT = flags.DEFINE_integer("port", 8000, "Of HTTP, on loopback.")


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unknown argument {argv[1]}")
    ray.init(include_dashboard=False)
    serve.start(http_options={"host": "127.0.0.1", "port": _PORT.value})
    source = ModelSource(_MODEL.value, method=_METHOD.value)
    serve.run(model_deployment(source, num_replicas=_REPLICAS.value), blocking=True)


if __name__ == "__main__":
    app.run(main)
