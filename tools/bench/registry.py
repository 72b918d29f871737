"""The contenders by name, in the order of the table, and how to find one without importing the others.

create("onnxruntime")           -> OnnxRuntime()
create("my.module:MyContender") -> MyContender(), for one of your own
"""

from __future__ import annotations

import importlib

from tools.bench.contender import Contender

CONTENDERS = {
    "ours": "tools.bench.ours:Ours",
    "eager": "tools.bench.torch_in_process:Eager",
    "compile": "tools.bench.torch_in_process:Compiled",
    "aotinductor": "tools.bench.aotinductor:AotInductor",
    "aotinductor-freezing": "tools.bench.aotinductor:AotInductorFreezing",
    "onnxruntime": "tools.bench.onnx_runtime:OnnxRuntime",
    "openvino": "tools.bench.open_vino:OpenVino",
}


class UnknownContender(Exception):
    """No contender goes by this name; the text says which names there are."""


def create(name: str) -> Contender:
    """The contender called `name`, or the class that `module:Class` names; else UnknownContender."""
    address = CONTENDERS.get(name, name)
    module_name, separator, class_name = address.partition(":")
    if not separator:
        raise UnknownContender(f"{name!r}: expected one of {', '.join(CONTENDERS)} or MODULE:CLASS")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise UnknownContender(f"{address}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Contender)):
        raise UnknownContender(f"{address}: expected a subclass of tools.bench.contender.Contender")
    return found()
