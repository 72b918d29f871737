"""Why a text of torch's has no counterpart among our expressions of sizes, and what a person can do about it.

Before/after: "x // 0.5 in a size" -> NotASize, whose message names the text and whose `remedy` ends the problem that is reported.
"""

from __future__ import annotations


class NotASize(ValueError):
    """The text has no counterpart among our expressions."""

    remedy = "write the size as sums, products, quotients, remainders, minima and maxima of input sizes"


class LeavesAChoice(NotASize):
    """A guard holds if one or another condition does."""

    remedy = (
        "let one condition decide: give the size a range that leaves only it (torch.export.Dim with min and max), state it with "
        "torch._check, or export a program for each"
    )


class DependsOnData(NotASize):
    """The text has a number that a tensor's elements decide, in a place where a run cannot have it: a float made a size or a condition."""

    remedy = "keep the value in a tensor: the tensor itself instead of its .item()"
