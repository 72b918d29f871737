"""Element types, named as in PyTorch, with what every stage needs to know of them.

The numbers in `code` are those of `c10::ScalarType` (a fact of PyTorch's ABI: `aoti_torch_dtype_*` return
them).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DType:
    name: str  # as torch prints it, without "torch."
    code: int
    size_bytes: int
    ctype: str  # of an element in memory in generated C++; 16-bit floats are their bits
    kind: str  # "float", "int", "uint", "bool", "complex"

    def __str__(self) -> str:
        return self.name

    @property
    def is_float(self) -> bool:
        return self.kind == "float"

    @property
    def is_int(self) -> bool:
        return self.kind in ("int", "uint")


uint8 = DType("uint8", 0, 1, "uint8_t", "uint")
int8 = DType("int8", 1, 1, "int8_t", "int")
int16 = DType("int16", 2, 2, "int16_t", "int")
int32 = DType("int32", 3, 4, "int32_t", "int")
int64 = DType("int64", 4, 8, "int64_t", "int")
float16 = DType("float16", 5, 2, "uint16_t", "float")
float32 = DType("float32", 6, 4, "float", "float")
float64 = DType("float64", 7, 8, "double", "float")
bool_ = DType("bool", 11, 1, "bool", "bool")
bfloat16 = DType("bfloat16", 15, 2, "uint16_t", "float")

ALL = (uint8, int8, int16, int32, int64, float16, float32, float64, bool_, bfloat16)
BY_NAME = {d.name: d for d in ALL}
BY_CODE = {d.code: d for d in ALL}


def parse_dtype(name: str) -> DType:
    """The type of this name. Raises ValueError listing the known ones."""
    if name not in BY_NAME:
        raise ValueError(f"unknown dtype {name!r}; known: {', '.join(BY_NAME)}")
    return BY_NAME[name]
