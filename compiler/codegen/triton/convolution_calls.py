"""How the templates of kernels/triton/convolution.py are called for a triton_convolution node.

Enters: a node with operands x [N, C, H, W] (unit stride in channels) and w [OC, C / groups, KH, KW], the target. Leaves: a `Call`:
`depthwise` where a group has one channel, else `convolution`, set up by the tuning database.
"""

from __future__ import annotations

from compiler.codegen.common.arguments import Arguments
from compiler.codegen.common.template_arguments import Call
from compiler.codegen.triton.launch_parts import blocks, pointer, size, steps, workspace
from compiler.codegen.triton.target import Target
from compiler.codegen.triton.template_choices import convolution_choice, origin_of
from compiler.ir.expr import Expr, as_expr, const
from compiler.ir.kernel import TemplateLaunch, TemplateValue
from compiler.ir.loop import TemplateKernel
from compiler.support.diagnostics import InternalError
from kernels.tuning.database import Choice

Constants = list[tuple[str, "int | bool | str"]]
# Parameters of the node that the templates take as constants, by their names there.
_GEOMETRY = {
    "KH": "KH", "KW": "KW", "SH": "stride_h", "SW": "stride_w", "PH": "pad_h", "PW": "pad_w", "DH": "dil_h", "DW": "dil_w",
}  # fmt: skip


def convolution_call(target: Target, node: TemplateKernel, arguments: Arguments) -> Call:
    """Raises InternalError for an x whose channels do not lie side by side."""
    x, _ = node.operands
    if x.layout.stride[1] != 1 and x.layout.size[1] != 1:
        raise InternalError(
            f"codegen: {node.name}: a convolution on a GPU reads channels-last, not {x.layout}"
        )
    choice = convolution_choice(node, target)
    if choice.config.template == "depthwise":
        return _depthwise(choice, node, arguments)
    return _convolution(choice, node, arguments)


def _convolution(choice: Choice, node: TemplateKernel, arguments: Arguments) -> Call:
    config, (x, w) = choice.config, node.operands
    n, h, wide, channels, out_channels, oh, ow, groups = _sizes(node)
    c, oc = channels // groups, out_channels // groups
    block_m, block_n, block_k = (config.get(f"BLOCK_{axis}") for axis in "MNK")
    split, taps = config.get("SPLIT_K", 1), c.value() < block_k
    constants = [
        *_geometry(node),
        ("BLOCK_M", block_m),
        ("BLOCK_N", block_n),
        ("BLOCK_K", block_k),
        ("TAPS", taps),
        ("EVEN_C", not taps and c.value() % block_k == 0),
        ("PRECISION", "tf32x3" if x.layout.dtype.name == "float32" else "ieee"),
    ]
    constants += [("SPLIT_K", split)] if split > 1 else []
    values: tuple[TemplateValue, ...] = (
        pointer(x, arguments),
        pointer(w, arguments),
        n,
        h,
        wide,
        c,
        oh,
        ow,
        oc,
    )
    tiles = blocks(n * oh * ow, block_m) * blocks(oc, block_n)
    launch = TemplateLaunch(
        tuple(constants), (tiles, const(split), groups), config.num_warps, config.num_stages, n * oh * ow, out_channels,
        origin_of(choice), (), *workspace(tiles * groups, split, block_m * block_n),
    )  # fmt: skip
    return Call("convolution", (*values, *_strides(node)), has_epilogue=True, launch=launch)


def _depthwise(choice: Choice, node: TemplateKernel, arguments: Arguments) -> Call:
    config, (x, w) = choice.config, node.operands
    n, h, wide, _, out_channels, oh, ow, groups = _sizes(node)
    block_m, block_n = config.get("BLOCK_M"), config.get("BLOCK_N")
    constants = [*_geometry(node), ("BLOCK_M", block_m), ("BLOCK_N", block_n)]
    values: tuple[TemplateValue, ...] = (
        pointer(x, arguments), pointer(w, arguments), n, h, wide, groups, oh, ow, out_channels // groups,
    )  # fmt: skip
    grid = (blocks(n * oh * ow, block_m), blocks(out_channels, block_n), const(1))
    launch = TemplateLaunch(
        tuple(constants),
        grid,
        config.num_warps,
        config.num_stages,
        n * oh * ow,
        out_channels,
        origin_of(choice),
    )
    weights = (w.layout.stride[0], w.layout.stride[3])
    return Call("depthwise", (*values, *_strides(node), *weights), has_epilogue=True, launch=launch)


def _sizes(node: TemplateKernel) -> tuple[Expr, ...]:
    return tuple(size(node, name) for name in ("N", "H", "W", "C", "OC", "OH", "OW", "groups"))


def _geometry(node: TemplateKernel) -> Constants:
    return [(name, as_expr(size(node, field)).value()) for name, field in _GEOMETRY.items()]


def _strides(node: TemplateKernel) -> tuple[Expr, ...]:
    """Of x: images, rows, columns."""
    images, _, rows, columns = steps(node.operands[0].layout)
    return images, rows, columns
