"""Memory, exact results and peers for a problem, on the GPU.

Enters: a problem. Leaves: `Operands`: the tensors of one launch (several sets of the cold ones, so that weights and caches come from device
memory as in a model, while activations are warm), the result in higher precision, and PyTorch's own kernel for the same work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kernels.tuning.problems import Attention, Convolution, Problem, Product

TORCH_DTYPE = {
    "fp32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
    "fp8e4nv": torch.float8_e4m3fn,
    "fp8e5": torch.float8_e5m2,
}
COLD_BYTES = 160 << 20  # three times the L2 cache
MOST_SETS = 64

# relative error in the Frobenius norm of what is right: rounding of the operands' type, of weights of attention, of the accumulator (fp8)
LIMITS = {
    "fp32": 3e-6,
    "fp32/tf32": 1e-3,
    "fp32/tf32x3": 1e-5,
    "fp16": 1e-3,
    "bf16": 6e-3,
    "fp8e4nv": 6e-3,
    "fp8e5": 6e-3,
}


@dataclass
class Operands:
    """sets: for each launch of a cycle, the tensors by the templates' parameter names, "out" among them. peer(set): PyTorch's kernel."""

    sets: list[dict[str, Tensor]]
    exact: Tensor
    limit: float
    peer: Callable[[dict[str, Tensor]], Any] | None

    def error(self, out: Tensor) -> float:
        """Relative, in the Frobenius norm; infinite when an element is not a number or was not written."""
        difference = (out.double().reshape(self.exact.shape) - self.exact).norm() / self.exact.norm()
        return float(difference.nan_to_num(float("inf")).item())


def operands(problem: Problem) -> Operands:
    torch.manual_seed(0)
    if isinstance(problem, Product):
        return _product(problem)
    if isinstance(problem, Attention):
        return _attention(problem)
    return _convolution(problem)


def random(*size: int, dtype: str, scale: float = 1.0) -> Tensor:
    return (torch.randn(*size, device="cuda") * scale).to(TORCH_DTYPE[dtype])


def _sets(
    warm: Callable[[], dict[str, Tensor]], cold: Callable[[], dict[str, Tensor]]
) -> list[dict[str, Tensor]]:
    first = cold()
    size = sum(t.numel() * t.element_size() for t in first.values())
    count = max(2, min(MOST_SETS, -(-COLD_BYTES // size)))
    activations = [warm(), warm()]
    colds = [first, *(cold() for _ in range(count - 1))]
    return [{**activations[i % 2], **tensors} for i, tensors in enumerate(colds)]


def _product(p: Product) -> Operands:
    out_dtype = torch.bfloat16 if p.dtype.startswith("fp8") else TORCH_DTYPE[p.dtype]
    shape = (p.batches, p.n, p.k) if p.b_columns else (p.batches, p.k, p.n)

    def warm() -> dict[str, Tensor]:
        out = torch.full((p.batches, p.m, p.n), float("nan"), device="cuda").to(out_dtype)
        a = random(p.batches, p.m, p.k, dtype=p.dtype, scale=p.k**-0.5 if p.long_epilogue else 1.0)
        residual = {"residual": torch.randn_like(out.float()).to(out_dtype)} if p.long_epilogue else {}
        return {"a": a, "out": out, **residual}

    sets = _sets(warm, lambda: {"b": random(*shape, dtype=p.dtype)})

    def columns(b: Tensor) -> Tensor:
        return b.transpose(1, 2) if p.b_columns else b

    exact = sets[0]["a"].double() @ columns(sets[0]["b"]).double()
    if p.long_epilogue:
        exact = torch.nn.functional.gelu(exact) + sets[0]["residual"].double()

    def peer(s: dict[str, Tensor]) -> None:
        torch.backends.cuda.matmul.allow_tf32 = p.precision == "tf32"
        if p.batches == 1:
            torch.mm(s["a"][0], columns(s["b"])[0], out=s["out"][0])
        else:
            torch.bmm(s["a"], columns(s["b"]), out=s["out"])

    one = torch.ones((), device="cuda")

    def scaled(s: dict[str, Tensor]) -> None:
        torch._scaled_mm(s["a"][0], s["b"][0].t(), one, one, out_dtype=torch.bfloat16, use_fast_accum=True)

    name = f"fp32/{p.precision}" if p.precision != "ieee" else p.dtype
    return Operands(sets, exact, LIMITS[name], scaled if p.dtype.startswith("fp8") else peer)


def _attention(p: Attention) -> Operands:
    """All as [batches, positions, heads, depth]."""

    def warm() -> dict[str, Tensor]:
        q = random(p.batches, p.queries, p.heads, p.depth, dtype=p.dtype)
        return {"q": q, "out": torch.full_like(q, float("nan"))}

    sets = _sets(
        warm, lambda: {name: random(p.batches, p.keys, p.kv_heads, p.depth, dtype=p.dtype) for name in "kv"}
    )
    hidden = torch.ones(p.queries, p.keys, dtype=torch.bool, device="cuda").triu(1 + p.keys - p.queries)

    def exact(s: dict[str, Tensor]) -> Tensor:
        q, k, v = (s[name].float().transpose(1, 2) for name in "qkv")
        k, v = (x.repeat_interleave(p.heads // p.kv_heads, 1) for x in (k, v))
        result = torch.empty_like(q)
        for batch in range(p.batches):
            scores = q[batch] @ k[batch].transpose(1, 2) * p.depth**-0.5
            if p.causal:
                scores.masked_fill_(hidden, float("-inf"))
            result[batch] = scores.softmax(2) @ v[batch]
        return result.transpose(1, 2).double()

    def peer(s: dict[str, Tensor]) -> Tensor:
        q, k, v = (s[name].transpose(1, 2) for name in "qkv")
        grouped = p.heads != p.kv_heads
        return torch.nn.functional.scaled_dot_product_attention(
            q, k, v, is_causal=p.causal, enable_gqa=grouped
        )

    torch.backends.cuda.matmul.allow_tf32 = False
    limit = LIMITS["fp32/tf32x3" if p.dtype == "fp32" else p.dtype]
    return Operands(sets, exact(sets[0]), limit, peer)


def _convolution(p: Convolution) -> Operands:
    oh, ow = p.out_size
    depthwise = p.c == 1

    def warm() -> dict[str, Tensor]:
        x = random(p.n, p.h, p.w, p.groups * p.c, dtype=p.dtype)
        out = torch.full((p.n, oh, ow, p.groups * p.oc), float("nan"), device="cuda").to(x.dtype)
        return {"x": x, "out": out}

    def cold() -> dict[str, Tensor]:
        w = random(p.groups * p.oc, *p.kernel, p.c, dtype=p.dtype)
        packed = w.reshape(p.groups * p.oc, -1).t().contiguous() if depthwise else w
        return {"w": packed, "plain": w.permute(0, 3, 1, 2)}

    sets = _sets(warm, cold)
    geometry = (None, p.stride, p.pad, p.dilation, p.groups)

    def peer(s: dict[str, Tensor]) -> Tensor:
        return torch.nn.functional.conv2d(s["x"].permute(0, 3, 1, 2), s["plain"], *geometry)

    torch.backends.cudnn.allow_tf32 = False
    first = sets[0]
    exact = torch.nn.functional.conv2d(
        first["x"].float().permute(0, 3, 1, 2), first["plain"].float(), *geometry
    )
    return Operands(sets, exact.permute(0, 2, 3, 1).double(), LIMITS[p.dtype], peer)
