"""The hooks of the templates: small jit functions through which codegen puts its own code into a template.

Enters: tiles that a template has loaded (prologue) or computed (epilogue), with the coordinates of their elements. Leaves: for a
prologue the changed tile; for an epilogue whatever it stores.

A generated kernel is a jit function that calls a template, and passes its hooks as compile-time arguments and what they need as tuples:

    @triton.jit
    def _epilogue(acc, batch, rows, columns, mask, args):
        bias, out = args
        value = tl.maximum(acc + tl.load(bias + columns).to(tl.float32), 0)
        tl.store(out + rows * 4096 + columns, value, mask)

    @triton.jit
    def triton_tem_fused_mm_relu_0(in_ptr0, in_ptr1, in_ptr2, out_ptr0, M):
        gemm(in_ptr0, in_ptr1, M, 4096, 4096, ..., epilogue=_epilogue, epilogue_args=(in_ptr2, out_ptr0))

Signatures
- prologue(tile, batch, rows, columns, args) -> tile
      Changes an operand elementwise, dtype included. `rows` [R, 1] and `columns` [1, C] are the element's place in the operand as the
      template's documentation writes it (a is [M, K], b is [K, N]). Elements outside the operand are set to zero behind it.
- epilogue(acc, batch, rows, columns, mask, args)
      Stores a finished tile. `acc` [R, C] in the accumulator's dtype; `rows`, `columns` as above, for the result; `mask` says which
      elements exist: every load and store uses it.
- score(scores, batch, head, rows, columns, mask, args) -> scores      (attention)
      Adds biases or masks to the scaled scores (float32): rows are queries, columns are keys. A value of -inf: not attended to.
Coordinates are int32 below 2**31; a hook whose offsets may exceed that computes them in int64.
A template whose hook is None has that step left out.
"""

import triton
import triton.language as tl


@triton.jit
def store_strided(acc, batch, rows, columns, mask, args):
    """The plain epilogue. args: (out, stride_batch, stride_row, stride_column), in elements."""
    out, stride_batch, stride_row, stride_column = args
    base = out + tl.cast(batch, tl.int64) * stride_batch
    offsets = rows.to(tl.int64) * stride_row + columns.to(tl.int64) * stride_column
    tl.store(base + offsets, acc.to(out.dtype.element_ty), mask)


@triton.jit
def add_gelu_strided(acc, batch, rows, columns, mask, args):
    """A long epilogue, as tools/tune measures it: out = residual + GELU(acc). args: (out, residual, strides as above of both)."""
    out, residual, stride_batch, stride_row, stride_column = args
    offsets = rows.to(tl.int64) * stride_row + columns.to(tl.int64) * stride_column
    offsets += tl.cast(batch, tl.int64) * stride_batch
    gelu = 0.5 * acc * (1.0 + tl.erf(acc * 0.7071067811865476))
    value = gelu + tl.load(residual + offsets, mask=mask, other=0.0).to(tl.float32)
    tl.store(out + offsets, value.to(out.dtype.element_ty), mask)


@triton.jit
def add_mask(scores, batch, head, rows, columns, mask, args):
    """A score hook: adds a mask [B, H, Sq, Sk]. args: (its pointer, stride_batch, stride_head, stride_row, stride_column)."""
    added, stride_batch, stride_head, stride_row, stride_column = args
    base = added + tl.cast(batch, tl.int64) * stride_batch + tl.cast(head, tl.int64) * stride_head
    offsets = rows.to(tl.int64) * stride_row + columns.to(tl.int64) * stride_column
    return scores + tl.load(base + offsets, mask=mask, other=0.0).to(tl.float32)


@triton.jit
def store_heads(acc, batch, head, rows, columns, mask, args):
    """The plain epilogue of attention. args: (out, stride_batch, stride_head, stride_row, stride_column), in elements."""
    out, stride_batch, stride_head, stride_row, stride_column = args
    base = out + tl.cast(batch, tl.int64) * stride_batch + tl.cast(head, tl.int64) * stride_head
    offsets = rows.to(tl.int64) * stride_row + columns.to(tl.int64) * stride_column
    tl.store(base + offsets, acc.to(out.dtype.element_ty), mask)
