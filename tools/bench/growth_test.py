"""What the growth bench reads from the compiler's report, and the exponent that it prints; and the model is as deep as it says."""

from __future__ import annotations

import math

import pytest

from models.suite import deep_decoder
from tools.bench.growth import STAGES, exponent, parse_report

REPORT = """\
  frontend     1.21 s  1925 FX nodes
  codegen      0.40 s  31 kernels
  library     12.52 s  9 objects compiled, 18 from the cache
"""


def test_the_report_is_read() -> None:
    seconds, summaries = parse_report(REPORT)
    assert seconds == {"frontend": 1.21, "codegen": 0.4, "library": 12.52}
    assert summaries["frontend"] == "1925 FX nodes"
    assert set(seconds) <= set(STAGES)


def test_exponents() -> None:
    assert math.isclose(exponent((12, 3.0), (24, 6.0)), 1.0)
    assert math.isclose(exponent((12, 3.0), (24, 12.0)), 2.0)


def test_layers_are_layers() -> None:
    module, _ = deep_decoder.__getattr__("layers_3")()
    assert len(list(module.get_submodule("layers").children())) == 3
    unequal, _ = deep_decoder.__getattr__("unequal_3")()
    assert len({layer.head for layer in unequal.get_submodule("layers").children()}) == 3
    with pytest.raises(AttributeError):
        deep_decoder.__getattr__("layers_many")
