"""Why two groups were fused or were not: the vocabulary of `--explain=fusion`."""

from __future__ import annotations

import enum


class Reason(enum.Enum):
    """The value is the text of the explanation."""

    # fused
    EPILOGUE = "becomes an epilogue of the template"
    VERTICAL = "reads what the other writes, in the same loops"
    HORIZONTAL = "reads the same memory in the same loops"
    # not fused
    DIFFERENT_LOOPS = "the loops do not match"
    OTHER_INDEX = "reads the other's result in another order than it is written"
    NOT_FUSIBLE = "one of them is a shim call, a view, or a kernel that takes no company"
    TWO_TEMPLATES = "both are templates"
    REDUCTION_AFTER_TEMPLATE = "a reduction needs whole rows, a template's tile has parts of rows"
    LONG_EPILOGUE = (
        "the product is large, and waits longer for what follows it than a kernel of its own takes"
    )
    INTO_TEMPLATE = "a template reads its operands from memory"
    CYCLE = "a third kernel would have to run between them"
    TOO_LARGE = "the kernel would take too many operations or arguments"
    LOCAL_TOO_LARGE = "a row of intermediate results would not fit the cache"
    LESS_PARALLEL = "the joined loops have too few tasks for the threads"
    NO_GAIN = "they share no memory traffic"
    LIMIT = "the limit on fusions is reached"
