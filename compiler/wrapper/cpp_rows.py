"""Rows of C++ that the wrapper is made of: checked calls, literals, comments, folded lines.

Enters: values of a plan. Leaves: lists of rows without indentation.

    checked("f(a)")   -> ["AOTI_TORCH_ERROR_CODE_CHECK(f(a));"]
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir import op_schema
from compiler.ir.expr import Expr
from compiler.ir.size_float import SizeFloat
from compiler.ir.wrapper import Literal, OpArg, Operand, ProxyCall
from compiler.support import cpp_text
from compiler.support.origins import Origin
from compiler.wrapper import cpp_sizes

WIDTH = 110


def literal_tensor(position: int, value: Literal) -> list[str]:
    """A tensor of rank 0 for a number, one without a tensor in it for None."""
    if value is None:
        call = "aoti_torch_new_uninitialized_tensor("
    else:
        kind = "bool" if isinstance(value, bool) else "int64" if isinstance(value, int | Expr) else "float64"
        text = cpp_sizes.number(value) if isinstance(value, Expr | SizeFloat) else scalar(value)
        call = f"aoti_torch_scalar_to_tensor_{kind}({text}, "
    handle = f"literal{position}_handle"
    return [
        f"AtenTensorHandle {handle} = nullptr;",
        *checked(f"{call}&{handle})"),
        f"RAIIAtenTensorHandle literal{position}_owner({handle});",
    ]


def scalar(value: int | float | bool | None) -> str:
    if value is None:
        return "nullptr"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value != value:
            return '__builtin_nan("")'
        return repr(value) if abs(value) != float("inf") else ("-" if value < 0 else "") + "__builtin_inf()"
    return f"INT64_C({value})" if value != -(2**63) else "INT64_MIN"


def checked(call: str) -> list[str]:
    return fold(f"AOTI_TORCH_ERROR_CODE_CHECK({call});")


def origin_comments(origins: Sequence[Origin]) -> list[str]:
    """The origins, one a row: what the reader looks for is a file and a line."""
    return [f"// {cpp_text.comment(str(origin))}" for origin in origins]


def op_call_text(call: ProxyCall, schema: str) -> str:
    """The call for a reader: `mylib::scale(x=buf0, factor=0.5)`."""
    parsed = op_schema.parse(schema)
    named = zip((name for name, _ in parsed.arguments), call.args, strict=True)
    name = f"{parsed.name}.{parsed.overload}" if parsed.overload else parsed.name
    return f"{name}({', '.join(f'{n}={_op_arg_text(v)}' for n, v in named)})"


def _op_arg_text(value: OpArg) -> str:
    if isinstance(value, Operand):
        return value.buffer
    if isinstance(value, tuple):
        return f"[{', '.join(map(_op_arg_text, value))}]"
    return str(value) if isinstance(value, Expr) else repr(value)


def fold(row: str) -> list[str]:
    """Breaks a long call at commas; continuation rows are indented by four."""
    rows = []
    limit = WIDTH - 2
    while len(row) > limit and (cut := row.rfind(", ", 0, limit)) > 0:
        rows.append(row[: cut + 1])
        row = "    " + row[cut + 2 :]
        if row.strip() == row[4:] and ", " not in row[4:]:
            break
    return [*rows, row]
