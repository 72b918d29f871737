"""A model for the flavour "torch": operators that libtorch calls. A custom one that takes every kind of argument and returns a list, and
PyTorch's own without a lowering: by its C shim (logcumsumexp, cholesky_inverse) and by its dispatcher (geqrf)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


@torch.library.custom_op("interop::kinds", mutates_args=())
def kinds(
    x: Tensor,
    maybe: Sequence[Tensor | None],
    device: torch.device,
    rows: int,
    flag: bool,
    mode: str,
    count: int | None = None,
    factor: float | None = 2.0,
    name: str | None = None,
    dtype: torch.dtype | None = None,
    sizes: Sequence[int] | None = None,
) -> list[Tensor]:
    """x scaled by what the options say, its first row, and what came, as numbers."""
    if bool((x.abs() > 1000).any()):
        raise ValueError("x is too large")
    scale = (factor or 0.0) + (count or 0) + sum(sizes or ()) + len(name or "")
    told = [rows, flag, len(mode), count is None, factor is None, name is None, dtype == torch.float64]
    told += [len(maybe), [m is None for m in maybe].index(True), device.type == "cpu", len(sizes or ())]
    scaled = x * scale + sum(m.sum() for m in maybe if m is not None)
    return [scaled, x[:1].clone(), torch.tensor(told, dtype=torch.int64)]


@kinds.register_fake
def _(x, maybe, device, rows, flag, mode, count=None, factor=2.0, name=None, dtype=None, sizes=None):  # type: ignore[no-untyped-def]
    return [torch.empty_like(x), x.new_empty((1, *x.shape[1:])), torch.empty(11, dtype=torch.int64)]


class TorchOps(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        rows = x.shape[0]
        parts = kinds(
            x.sin(),
            [x, None],
            torch.device("cpu"),
            rows,
            True,
            "plain",
            3,
            dtype=torch.float64,
            sizes=[rows, 2],
        )
        others = kinds(x.t(), [None], torch.device("cpu"), 7, False, "x", None, None, "abc")
        spd = x.t() @ x + 4 * torch.eye(x.shape[1])
        factors, tau = torch.geqrf(spd)
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(spd))
        return (
            parts[0] + 1,
            parts[1] * others[1].sum(),
            others[0],
            parts[2] + others[2],
            torch.logcumsumexp(x, 1) * 2,
            factors + tau.unsqueeze(0),
            inverse * 3,
        )


def build() -> dict[str, object]:
    """The model with a batch of any size."""
    batch = torch.export.Dim("batch", min=2, max=64)
    return {"module": TorchOps(), "args": (torch.randn(6, 5),), "dynamic_shapes": ({0: batch},)}
