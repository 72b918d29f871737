"""A model library or a method of a package as a deployment of Ray Serve, for those whom one machine is too small.

    app = model_deployment(ModelSource("/models/libscore.so", num_models=2), num_replicas=4)
    serve.run(app, name="score")                              # HTTP: the Open Inference Protocol, /v2/models/NAME/infer
    handle = serve.get_app_handle("score")
    y, = handle.infer.remote(np.ones((3, 16), np.float32)).result()

Each replica loads the library in a process of its own; the weights of replicas on one machine are one copy (docs/packages.md).
A replica runs `num_models` calls at a time, without Python's lock. New weights come by Ray's own way, `user_config={"weights":
"new.safetensors"}`: every replica reads them into its inactive set and exchanges the sets, and no call waits, fails or sees a
mixture. Models that keep state (sessions) are not for this: a call goes to any replica.

numpy is needed; torch is not. The paths must exist on every machine of the cluster.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import aoti_runtime
import numpy as np
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse

from runtime.ray_serve.protocol import ProtocolError, metadata, read_request, write_response

Arrays = list["np.ndarray[Any, Any] | None"]


@dataclass(frozen=True)
class ModelSource:
    """What a replica loads, and how it runs it; fields as in `aoti_runtime.load`."""

    path: str
    method: str = ""  # of a package; "": a library
    name: str = ""  # in URLs; "": the model's own
    num_models: int = 1  # calls at a time
    num_threads: int = 1  # of each call
    torch_compat: str = ""
    op_libraries: tuple[str, ...] = ()
    public_keys: tuple[str, ...] = ()

    def load(self) -> aoti_runtime.Model:
        if not self.method:
            return aoti_runtime.load(
                self.path,
                self.num_models,
                self.num_threads,
                torch_compat=self.torch_compat,
                op_libraries=self.op_libraries,
                public_keys=self.public_keys,
            )
        package = aoti_runtime.Package(
            self.path,
            torch_compat=self.torch_compat,
            op_libraries=self.op_libraries,
            public_keys=self.public_keys,
        )
        return package.load(self.method, self.num_models, self.num_threads)


class ModelReplica:
    """One process with the model. `infer` is for handles, `__call__` for HTTP."""

    def __init__(self, source: ModelSource) -> None:
        self._model = source.load()
        self._name = source.name or self._model.name
        self._threads = ThreadPoolExecutor(source.num_models, thread_name_prefix="aoti")

    def reconfigure(self, user_config: dict[str, Any]) -> None:
        unknown = sorted(set(user_config) - {"weights", "prefix"})
        if unknown:
            raise ValueError(
                f"user_config has {unknown}; expected 'weights', a safetensors file, and 'prefix'"
            )
        if "weights" in user_config:
            prefix = user_config.get("prefix", "")
            aoti_runtime.update_constants_from_file(
                self._model, user_config["weights"], inactive=True, prefix=prefix
            )
            self._model.swap_constants()

    async def infer(self, *inputs: Any) -> Arrays:
        """The model on arrays, or whatever speaks DLPack, in its order; None where the model returns None."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, inputs)

    def _run(self, inputs: tuple[Any, ...]) -> Arrays:
        # The copy is the message's: the model's memory stays here.
        return [None if tensor is None else np.array(tensor) for tensor in self._model.run(*inputs)]

    async def __call__(self, request: Request) -> JSONResponse:
        path = request.url.path.rstrip("/")
        if request.method == "GET" and path in ("/v2/health/live", "/v2/health/ready", f"{self._base}/ready"):
            return JSONResponse({"ready": True})
        if request.method == "GET" and path == self._base:
            return JSONResponse(self._describe())
        if request.method != "POST" or path != f"{self._base}/infer":
            message = f"{request.method} {path}: expected POST {self._base}/infer, or GET {self._base}"
            return JSONResponse({"error": message}, 404)
        try:
            return JSONResponse(await self._answer(await request.json()))
        except (ProtocolError, aoti_runtime.Error) as e:
            return JSONResponse({"error": str(e)}, 400)
        except ValueError as e:
            return JSONResponse({"error": f"the body is not JSON: {e}"}, 400)

    @property
    def _base(self) -> str:
        return f"/v2/models/{self._name}"

    def _describe(self) -> dict[str, Any]:
        inputs, outputs = metadata(self._model.inputs), metadata(self._model.outputs)
        return {"name": self._name, "platform": "aoti", "versions": [], "inputs": inputs, "outputs": outputs}

    async def _answer(self, body: Any) -> dict[str, Any]:
        arrays = await self.infer(*read_request(body, self._model.inputs))
        return write_response(self._name, body, self._model.outputs, arrays)


def model_deployment(source: ModelSource, **options: Any) -> serve.Application:
    """An application of one deployment; `options` are those of `serve.deployment` (num_replicas, user_config, ...)."""
    options.setdefault("max_ongoing_requests", 2 * source.num_models)  # one waits while one runs
    return serve.deployment(**options)(ModelReplica).bind(source)
