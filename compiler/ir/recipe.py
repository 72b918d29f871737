"""How a stored constant is made of the model's own: what the runtime repeats when it gets new weights.

Passes fold, merge and pack constants while the model is compiled; a recipe says the same to the library, which then can be given new
values under the names of the model's `state_dict` (docs/adr/0013-recipes.md). A recipe is an expression over `Source`s.

Invariants
- A value is its elements in row-major order with the sizes of `shape`; moves (`View`, `Pad`, `Cat`) keep them bit for bit.
- Arithmetic is in float64 and is rounded once, by the next `Cast`.
- `View` stays inside its operand; operands of a `Binary` broadcast to its shape; parts of a `Cat` differ in `dim` only.

Text, as IRs are printed (a linear's weight [3, 10], packed in panels of 16 columns):
    view(pad(view(source("fc.weight", [3, 10]), [10, 3], [1, 10], 0), 1, 16), [1, 10, 16], [16, 16, 1], 0)
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Union

from compiler.ir.dtypes import DType, parse_dtype

UNARY = ("neg", "sqrt", "rsqrt", "reciprocal", "exp", "sin", "cos")
BINARY = ("add", "sub", "mul", "div")

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Source:
    """A parameter or buffer of the model, by its name."""

    fqn: str
    shape: Shape


@dataclass(frozen=True)
class View:
    """Elements of the operand's row-major memory at `offset` plus multiples of `stride`."""

    of: Recipe
    shape: Shape
    stride: Shape
    offset: int = 0


@dataclass(frozen=True)
class Pad:
    """Zeros after the operand's last element of `dim`, up to `size`."""

    of: Recipe
    dim: int
    size: int

    @property
    def shape(self) -> Shape:
        return (*self.of.shape[: self.dim], self.size, *self.of.shape[self.dim + 1 :])


@dataclass(frozen=True)
class Cat:
    dim: int
    parts: tuple[Recipe, ...]

    @property
    def shape(self) -> Shape:
        first = self.parts[0].shape
        total = sum(p.shape[self.dim] for p in self.parts)
        return (*first[: self.dim], total, *first[self.dim + 1 :])


@dataclass(frozen=True)
class Cast:
    """The operand's values rounded to `dtype`."""

    of: Recipe
    dtype: DType

    @property
    def shape(self) -> Shape:
        return self.of.shape


@dataclass(frozen=True)
class Scalar:
    value: float
    shape: Shape = ()


@dataclass(frozen=True)
class Unary:
    op: str
    of: Recipe

    @property
    def shape(self) -> Shape:
        return self.of.shape


@dataclass(frozen=True)
class Binary:
    op: str
    left: Recipe
    right: Recipe

    @property
    def shape(self) -> Shape:
        left, right = self.left.shape, self.right.shape
        rank = max(len(left), len(right))
        pairs = zip((1,) * (rank - len(left)) + left, (1,) * (rank - len(right)) + right, strict=True)
        return tuple(b if a == 1 else a for a, b in pairs)


@dataclass(frozen=True)
class Original:
    """A parameter, buffer or tensor constant of the model: what `state_dict` names and a library can be given anew.

    `same_as` is the fqn of an earlier original that shares its memory (tied weights). `content_hash` is 0, or that of the elements
    (`aoti_content_hash` of runtime/include/aoti/weights_desc.h): kept where a constant without a recipe depends on the original.
    """

    fqn: str
    name: str
    kind: str
    dtype: DType
    shape: Shape
    same_as: str = ""
    content_hash: int = 0


Recipe = Union[Source, View, Pad, Cat, Cast, Scalar, Unary, Binary]


@dataclass(frozen=True)
class Fixed:
    """In the place of a recipe: what the compiler computed has none. `reason` is for the user who asks for new weights."""

    reason: str
    sources: tuple[str, ...]


def operands(recipe: Recipe) -> tuple[Recipe, ...]:
    if isinstance(recipe, Source | Scalar):
        return ()
    if isinstance(recipe, Cat):
        return recipe.parts
    return (recipe.left, recipe.right) if isinstance(recipe, Binary) else (recipe.of,)


def postorder(recipe: Recipe) -> Iterator[Recipe]:
    """Every operand before what uses it: the order in which a stack machine evaluates."""
    for operand in operands(recipe):
        yield from postorder(operand)
    yield recipe


def sources(recipe: Recipe | Fixed) -> list[str]:
    """Names, each once, in order."""
    if isinstance(recipe, Fixed):
        return list(recipe.sources)
    return list(dict.fromkeys(r.fqn for r in postorder(recipe) if isinstance(r, Source)))


def apply(make: Callable[..., Recipe], *parts: Recipe | Fixed) -> Recipe | Fixed:
    """`make(*parts)`; fixed where one of them is."""
    fixed = next((p for p in parts if isinstance(p, Fixed)), None)
    if fixed is None:
        return make(*parts)
    return Fixed(fixed.reason, tuple(dict.fromkeys(s for p in parts for s in sources(p))))


def contiguous_strides(shape: Sequence[int]) -> Shape:
    return tuple(math.prod(max(s, 1) for s in shape[d + 1 :]) for d in range(len(shape)))


def reshape(recipe: Recipe, shape: Sequence[int]) -> Recipe:
    """The same elements in the same order with other sizes."""
    if tuple(shape) == recipe.shape:
        return recipe
    return view(recipe, shape, contiguous_strides(shape))


def view(recipe: Recipe, shape: Sequence[int], stride: Sequence[int], offset: int = 0) -> Recipe:
    """A `View`; the operand itself where that is what it shows."""
    if tuple(shape) == recipe.shape and offset == 0 and tuple(stride) == contiguous_strides(shape):
        return recipe
    return View(recipe, tuple(shape), tuple(stride), offset)


def in_memory_order(recipe: Recipe, stride: Sequence[int]) -> Recipe:
    """The elements in the order of memory, for a dense tensor that has these strides (of its own elements, without gaps)."""
    own = contiguous_strides(recipe.shape)
    order = sorted(range(len(stride)), key=lambda d: (-stride[d], recipe.shape[d] != 1, d))
    return view(recipe, [recipe.shape[d] for d in order], [own[d] for d in order])


# -- text ----------------------------------------------------------------------------------------------------------------------------


def print_recipe(recipe: Recipe | Fixed) -> str:
    if isinstance(recipe, Fixed):
        return f"fixed({', '.join(json.dumps(text) for text in (recipe.reason, *recipe.sources))})"
    parts = ", ".join(print_recipe(o) for o in operands(recipe))
    if isinstance(recipe, Source):
        return f"source({json.dumps(recipe.fqn)}, {list(recipe.shape)})"
    if isinstance(recipe, View):
        return f"view({parts}, {list(recipe.shape)}, {list(recipe.stride)}, {recipe.offset})"
    if isinstance(recipe, Pad):
        return f"pad({parts}, {recipe.dim}, {recipe.size})"
    if isinstance(recipe, Cat):
        return f"cat({recipe.dim}, {parts})"
    if isinstance(recipe, Cast):
        return f"cast({parts}, {recipe.dtype.name})"
    if isinstance(recipe, Scalar):
        return f"scalar({recipe.value!r})"
    return f"{recipe.op}({parts})"


_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|\[[-\d, ]*\]|[A-Za-z_]\w*|-?\d[\w.+-]*|[(),])')


def parse_recipe(text: str) -> Recipe | Fixed:
    """What `print_recipe` printed. ValueError with the rest of the text where it is none."""
    tokens, end = [], 0
    while match := _TOKEN.match(text, end):
        tokens.append(match[1])
        end = match.end()
    if text[end:].strip():
        raise ValueError(f"not a recipe: {text[end:]!r}")
    tokens += ["", ""]
    recipe, at = _parse(tokens, 0)
    if tokens[at]:
        raise ValueError(f"after the recipe: {tokens[at]!r}")
    return recipe


def _parse(tokens: list[str], at: int) -> tuple[Recipe, int]:
    name = tokens[at]
    if tokens[at + 1 : at + 2] != ["("]:
        raise ValueError(f"expected an operation and its operands, got {name!r}")
    arguments: list[object] = []
    at += 2
    while True:
        token = tokens[at]
        if not token:
            raise ValueError(f"{name}: the recipe ends in the middle")
        if tokens[at + 1] == "(":
            operand, at = _parse(tokens, at)
            arguments.append(operand)
        else:
            arguments.append(_literal(token))
            at += 1
        if tokens[at] == ")":
            return _make(name, arguments), at + 1
        if tokens[at] != ",":
            raise ValueError(f"{name}: expected ',' or ')', got {tokens[at]!r}")
        at += 1


def _literal(token: str) -> object:
    if token[0] == '"':
        return str(json.loads(token))
    if token[0] == "[":
        return tuple(int(n) for n in json.loads(token))
    return token if token[0].isalpha() else float(token) if re.search(r"[.en]", token) else int(token)


def _make(name: str, arguments: list[object]) -> Recipe:
    a: list[object] = arguments
    kinds = {"source": Source, "view": View, "pad": Pad, "scalar": Scalar}
    try:
        if name == "fixed":
            return Fixed(str(a[0]), tuple(str(fqn) for fqn in a[1:]))  # type: ignore[return-value]
        if name == "cat":
            return Cat(a[0], tuple(a[1:]))  # type: ignore[arg-type]
        if name == "cast":
            return Cast(a[0], parse_dtype(str(a[1])))  # type: ignore[arg-type]
        if name in UNARY:
            return Unary(name, *a)  # type: ignore[arg-type]
        if name in BINARY:
            return Binary(name, *a)  # type: ignore[arg-type]
        return kinds[name](*a)  # type: ignore[no-any-return]
    except (KeyError, TypeError, IndexError) as e:
        raise ValueError(f"not an operation of recipes, or wrong operands: {name}: {e}") from None


_ORIGINAL = re.compile(
    r'("(?:[^"\\]|\\.)*") (\w+) (\w+) (\w+) (\[[\d, ]*\])(?: same ("(?:[^"\\]|\\.)*"))?(?: hash (\d+))?'
)


def print_original(o: Original) -> str:
    """`"fc.weight" fc_weight parameter float32 [3, 10]`, with `same "..."` and `hash N` where there are such."""
    text = f"{json.dumps(o.fqn)} {o.name} {o.kind} {o.dtype.name} {list(o.shape)}"
    text += f" same {json.dumps(o.same_as)}" if o.same_as else ""
    return text + (f" hash {o.content_hash}" if o.content_hash else "")


def parse_original(text: str) -> Original:
    """What `print_original` printed. ValueError where it is none."""
    m = _ORIGINAL.fullmatch(text.strip())
    if m is None:
        raise ValueError(f"not an original: {text!r}")
    same = str(json.loads(m[6])) if m[6] else ""
    return Original(
        str(json.loads(m[1])), m[2], m[3], parse_dtype(m[4]), tuple(json.loads(m[5])), same, int(m[7] or 0)
    )
