"""Names of kernels: `cpp_fused_<ops>_<n>` (`triton_fused_..` on a GPU), from the ATen ops that a kernel was made of.

Before/after: origins aten.native_layer_norm.default, aten.gelu.default, third kernel -> cpp_fused_native_layer_norm_gelu_2
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from compiler.support.origins import Origin

MAX_OPS_CHARACTERS = 48


def kernel_name(origins: Iterable[Origin], number: int, device: str = "cpu") -> str:
    """Ops in order of appearance, each once, as many as fit."""
    words: list[str] = []
    for origin in origins:
        word = op_word(origin.aten_op)
        if word in words:
            continue
        if sum(len(w) + 1 for w in words) + len(word) > MAX_OPS_CHARACTERS:
            words.append("etc")
            break
        words.append(word)
    return "_".join(["cpp_fused" if device == "cpu" else "triton_fused", *(words or ["kernel"]), str(number)])


def op_word(aten_op: str) -> str:
    """`aten._softmax.default` -> `softmax`."""
    parts = aten_op.split(".")
    name = parts[1] if len(parts) > 1 and parts[0] in ("aten", "prims") else parts[0]
    return re.sub(r"\W+", "_", name).strip("_").lower() or "op"
