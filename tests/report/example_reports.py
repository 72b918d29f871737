"""Reports of the models in `report_models`, as `compiler.driver.report` makes them."""

from __future__ import annotations

from pathlib import Path

import torch

from compiler.driver import aot
from compiler.driver.report import page
from compiler.driver.report.charts import Rates
from compiler.driver.report.data import gather
from compiler.driver.report.report_models import MODELS
from compiler.support.options import CompileOptions


def write(folder: Path) -> list[Path]:
    """One HTML file for each, in `folder`."""
    files = []
    for name, make in MODELS.items():
        torch.manual_seed(0)
        module, inputs, shapes = make()
        model, file = folder / f"{name}.pt2", folder / f"{name}.html"
        torch.export.save(torch.export.export(module.eval(), inputs, dynamic_shapes=shapes), model)
        options = CompileOptions(f"{name}_aoti", shim="torch", explain_fusion=True)
        done = aot.compile_model(aot.Request(options, model, None, stop_after="wrapper"), lambda *_: None)
        file.write_text(page.render(gather(done, Path(__file__).parent), Rates(20, 100)), encoding="utf-8")
        files.append(file)
    return files
