"""Decompositions that PyTorch's own table lacks: operators written in others that the compiler knows.

    aten._cdist_forward(x, y, p)   ->   linalg_vector_norm(x[..., :, None, :] - y[..., None, :, :], p, -1)

Invariant: results are those of the operator, of the same dtype; what is measured to be slow gets a lowering of its own instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.modules.linear_cross_entropy  # makes the operators of torch_nn known
from torch import Tensor

aten: Any = torch.ops.aten
_SCATTER = {"add": "sum", "multiply": "prod"}


def index_reduce(
    x: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """Each slice of `source` combined into the slice of x that `index` names."""
    if x.dim() == 0:
        flat = aten.scatter_reduce.two(
            x.view(1), 0, index.view(1), source.view(1), reduce, include_self=include_self
        )
        scalar: Tensor = flat.view([])
        return scalar
    shape = [1] * x.dim()
    shape[dim] = -1
    places = index.reshape(shape).expand(source.shape)
    result: Tensor = aten.scatter_reduce.two(x, dim, places, source, reduce, include_self=include_self)
    return result


def scatter_with_reduction(x: Tensor, dim: int, index: Tensor, source: Tensor, *, reduce: str) -> Tensor:
    result: Tensor = aten.scatter_reduce.two(x, dim, index, source, _SCATTER[reduce])
    return result


def scatter_value_with_reduction(x: Tensor, dim: int, index: Tensor, value: float, *, reduce: str) -> Tensor:
    source = torch.full(index.shape, value, dtype=x.dtype)
    result: Tensor = aten.scatter_reduce.two(x, dim, index, source, _SCATTER[reduce])
    return result


def put(x: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """x as if it were flat."""
    flat = aten.index_put(x.reshape(-1), [index.reshape(-1)], source.reshape(-1), accumulate)
    result: Tensor = flat.reshape(x.shape)
    return result


def masked_scatter(x: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """The next element of `source` wherever the mask holds."""
    size = torch.broadcast_shapes(x.shape, mask.shape)  # type: ignore[no-untyped-call]
    x, mask = x.expand(size), mask.expand(size)
    if source.numel() == 0:
        return x.clone()
    flat = mask.reshape(-1)
    places = (flat.to(torch.int64).cumsum(0) - 1).clamp(min=0)
    # Where the mask does not hold nothing is read, so that places beyond a short source are no error there.
    taken = source.reshape(-1)[torch.where(flat, places, 0)]
    return torch.where(flat, taken, x.reshape(-1)).reshape(x.shape)


def nonzero_static(x: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """The positions of the first `size` elements that are not 0, a row each; rows that are left over are `fill_value`."""
    mask = (x != 0).reshape(-1)
    rank = mask.to(torch.int64).cumsum(0)
    # What is not wanted goes to one place more, which is cut off.
    places = torch.where(mask & (rank <= size), rank - 1, size)
    flat = torch.zeros(size + 1, dtype=torch.int64).scatter(0, places, torch.arange(mask.shape[0]))[:size]
    columns = []
    for extent in reversed(x.shape):
        columns.append(flat % max(extent, 1))
        flat = flat // max(extent, 1)
    rows = torch.stack(columns[::-1], 1) if columns else torch.zeros((size, 0), dtype=torch.int64)
    return torch.where((torch.arange(size) < mask.sum()).unsqueeze(1), rows, fill_value)


def cdist(x: Tensor, y: Tensor, p: float, compute_mode: int | None) -> Tensor:
    """Distances of all pairs; computed from differences in every mode, which loses no digits for near points."""
    result: Tensor = aten.linalg_vector_norm(x.unsqueeze(-2) - y.unsqueeze(-3), p, [-1])
    return result


def pdist(x: Tensor, p: float = 2.0) -> Tensor:
    first, second = torch.triu_indices(x.shape[0], x.shape[0], 1)
    result: Tensor = aten.linalg_vector_norm(x.index_select(0, first) - x.index_select(0, second), p, [-1])
    return result


def trilinear(
    i1: Tensor,
    i2: Tensor,
    i3: Tensor,
    expand1: Sequence[int],
    expand2: Sequence[int],
    expand3: Sequence[int],
    sumdim: Sequence[int],
    unroll_dim: int = 1,
) -> Tensor:
    """The sum over `sumdim` of the product of three tensors, with dims of size 1 put in where `expand` says."""
    factors = []
    for factor, dims in ((i1, expand1), (i2, expand2), (i3, expand3)):
        for dim in dims:
            factor = factor.unsqueeze(dim)
        factors.append(factor)
    product = factors[0] * factors[1] * factors[2]
    return product.sum(list(sumdim), dtype=product.dtype) if sumdim else product


def embedding_bag(
    weight: Tensor,
    indices: Tensor,
    offsets: Tensor,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int = -1,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Rows of `weight` summed (mode 0), averaged (1) or their maximum (2) over bags of indices that begin at `offsets`. The last three
    results are what a backward pass keeps: the bag of each index and how many it has; eager leaves them empty where it needs none."""
    starts = offsets[:-1] if include_last_offset else offsets
    count = starts.shape[0]
    bag = aten.bucketize.Tensor(torch.arange(indices.shape[0]), starts, right=True) - 1
    rows = weight.index_select(0, indices)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.unsqueeze(1)
    kept = indices != padding_idx
    sizes = torch.zeros(count, dtype=torch.int64).index_add(0, bag, kept.to(torch.int64))
    places = bag.unsqueeze(1).expand(rows.shape)
    empty = torch.zeros((count, weight.shape[1]), dtype=rows.dtype)
    if mode == 2:
        lowest = torch.where(kept.unsqueeze(1), rows, float("-inf"))
        largest = aten.scatter_reduce.two(empty, 0, places, lowest, "amax", include_self=False)
        return torch.where(sizes.unsqueeze(1) > 0, largest, 0.0), bag, sizes, sizes
    wide = (
        torch.float64
        if rows.dtype == torch.float32
        else torch.float32
        if rows.dtype != torch.float64
        else rows.dtype
    )
    total = empty.to(wide).scatter_add(0, places, torch.where(kept.unsqueeze(1), rows, 0.0).to(wide))
    if mode == 1:
        total = total / sizes.clamp(min=1).unsqueeze(1)
    return total.to(rows.dtype), bag, sizes, sizes


def linear_cross_entropy(
    x: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    linear_bias: Tensor | None,
    weight: Tensor | None,
    reduction: str,
    ignore_index: int,
    label_smoothing: float,
    batch_chunk_size: int,
    acc_policy: str,
    acc_dtype: torch.dtype,
    allow_retain_graph: bool,
    *gradients: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The loss; the gradients, which it computes along with it where one is wanted, are those of training."""
    if any(gradients):
        raise NotImplementedError(
            "linear_cross_entropy with gradients: export the model under torch.no_grad()"
        )
    scores = torch.nn.functional.linear(
        x.to(acc_dtype),
        linear_weight.to(acc_dtype),
        None if linear_bias is None else linear_bias.to(acc_dtype),
    )
    loss = torch.nn.functional.cross_entropy(
        scores,
        target,
        None if weight is None else weight.to(acc_dtype),
        reduction=reduction,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
    )
    none = x.new_zeros((0, 0))
    return loss.to(x.dtype), none, none, x.new_zeros((0,))


def linear_cross_entropy_of_each(
    x: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    linear_bias: Tensor | None,
    weight: Tensor | None,
    ignore_index: int,
    batch_chunk_size: int,
    acc_policy: str,
    acc_dtype: torch.dtype,
) -> Tensor:
    """The same without a reduction: a loss for each row of x."""
    return linear_cross_entropy(
        x, linear_weight, target, linear_bias, weight, "none", ignore_index, 0.0, batch_chunk_size, acc_policy, acc_dtype, False
    )[0]  # fmt: skip


def ndtr(x: Tensor) -> Tensor:
    """The normal distribution's share below x. By erfc, which keeps its digits where erf is near -1."""
    x = x if x.is_floating_point() else x.to(torch.get_default_dtype())
    return torch.erfc(x * -(0.5**0.5)) * 0.5


def multinomial(
    x: Tensor, num_samples: int, replacement: bool = False, *, generator: object = None
) -> Tensor:
    """Positions drawn with the chances x; one of chance 0 only where no other is left. Nothing looks for negative numbers and NaN."""
    if generator is not None:
        raise NotImplementedError("multinomial with a generator: leave it out and seed the model instead")
    chances = x.to(torch.float64 if replacement or x.dtype == torch.float64 else torch.float32)
    if not replacement:
        # The largest of chance / exponential number are a draw without replacement (Efraimidis and Spirakis, 2006).
        keys = torch.where(chances > 0, chances / aten.exponential.default(chances), -1.0)
        places: Tensor = aten.topk.default(keys, num_samples)[1]
        return places
    ends = chances.cumsum(-1)
    total = ends[..., -1:]
    drawn = torch.rand((*x.shape[:-1], num_samples), dtype=torch.float64) * total
    # The product may be rounded up to the total, which is no one's.
    drawn = torch.minimum(drawn, total * (1 - 2.0**-52))
    return torch.searchsorted(ends, drawn, right=True).clamp(max=x.shape[-1] - 1)


torch_nn: Any = torch.ops.torch_nn

TABLE: dict[Any, Callable[..., Any]] = {
    aten.index_reduce.default: index_reduce,
    aten.scatter.reduce: scatter_with_reduction,
    aten.scatter.value_reduce: scatter_value_with_reduction,
    aten.put.default: put,
    aten.masked_scatter.default: masked_scatter,
    aten.nonzero_static.default: nonzero_static,
    aten._cdist_forward.default: cdist,
    aten._pdist_forward.default: pdist,
    aten._trilinear.default: trilinear,
    aten._embedding_bag.default: embedding_bag,
    aten._embedding_bag_forward_only.default: embedding_bag,
    aten.multinomial.default: multinomial,
    aten.special_ndtr.default: ndtr,
    torch_nn._linear_cross_entropy_batch_chunked.default: linear_cross_entropy,
    torch_nn._linear_cross_entropy_batch_chunked_no_reduction.default: linear_cross_entropy_of_each,
}
