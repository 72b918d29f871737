"""Declarations of the functions of PyTorch's C shim that a plan calls: our headers know few of them; a repeated declaration is the same.

Enters: a `wrapper.Plan`. Leaves: rows of C++ for the head of `wrapper/model.cpp`. Types follow from the arguments, which lowering has
converted to those of the operator's schema.

    call buf0 = aoti_torch_cpu_logcumsumexp(x, 1)
      ->  extern "C" AOTITorchError aoti_torch_cpu_logcumsumexp(AtenTensorHandle, int64_t, AtenTensorHandle *);
"""

from __future__ import annotations

from compiler.ir.wrapper import CallArg, ExternCall, Operand, Plan


def declarations(plan: Plan) -> str:
    """One a function, sorted."""
    made: dict[str, str] = {}
    for line in plan.all_lines():
        if isinstance(line, ExternCall):
            result = ["AtenTensorHandle *"] if line.fresh else []
            types = ([] if line.fresh else ["AtenTensorHandle"]) + [t for a in line.args for t in _c_types(a)]
            made[line.function] = f"AOTITorchError {line.function}({', '.join(types + result)});"
    return "".join(f'extern "C" {declaration}\n' for _, declaration in sorted(made.items()))


def _c_types(arg: CallArg) -> list[str]:
    """Of an argument of the shim: an absent option is a null pointer to something."""
    if isinstance(arg, tuple):
        return ["const int64_t *", "int64_t"]
    match arg:
        case Operand():
            return ["AtenTensorHandle"]
        case None:
            return ["const void *"]
        case bool():
            return ["int32_t"]
        case float():
            return ["double"]
        case str():
            return ["const char *"]
    return ["int64_t"]
