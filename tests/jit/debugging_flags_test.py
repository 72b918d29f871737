"""The debugging aids of the command line, each alone: exit codes, what is printed, what is left, and a wrong fusion that is found."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aoti_runtime
import numpy as np
import pytest
import torch

from compiler.driver import aot, check_numerics, cli, jit_build
from compiler.driver.report import report_models
from compiler.support.options import CompileOptions

Said = pytest.CaptureFixture[str]


class Net(torch.nn.Module):
    """Pointwise operations, a product and a softmax: fusions of every kind."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = torch.nn.Linear(24, 16)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = self.fc(x.sin()).relu() * 0.5
        return y.softmax(-1).cumsum(0), (y + 1).log().sum(1)


def _example() -> tuple[Net, torch.Tensor]:
    torch.manual_seed(0)
    return Net().eval(), torch.randn(12, 24)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    net, x = _example()
    torch.export.save(torch.export.export(net, (x,)), folder / "net.pt2")
    np.savez(folder / "net.recorded.npz", input_0=x.numpy())
    return folder / "net.pt2"


def run(said: Said, *argv: str) -> tuple[int, str, str]:
    code = cli.main(["aoti", *argv])
    return code, *said.readouterr()


def fusions(said: Said, model: Path, limit: int = -1) -> list[str]:
    code, out, err = run(
        said, str(model), "--explain=fusion", f"--fuse-limit={limit}", "--compile-to=scheduler"
    )
    assert code == 0, err
    return re.findall(r"^(?:\S+: )*(fused \d+: \S+ \+ \S+):", out.partition("\nprogram ")[0], re.MULTILINE)


def test_the_library_is_right_at_every_limit(model: Path, tmp_path: Path, capsys: Said) -> None:
    net, x = _example()
    every = fusions(capsys, model)
    assert len(every) >= 4 and {e.split(":")[0] for e in every} == {
        f"fused {n}" for n in range(1, len(every) + 1)
    }
    with torch.no_grad():
        eager, exact = net(x), net.double()(x.double())
    kernels = []
    for limit in range(len(every) + 1):
        assert fusions(capsys, model, limit) == every[:limit]
        out = tmp_path / str(limit)
        flags = (f"--isa={jit_build.this_processor()}", f"--fuse-limit={limit}", "--name=net", "-o", str(out))
        code, _, err = run(capsys, str(model), *flags)
        assert code == 0, err
        kernels.append(int(re.findall(r"(\d+) kernels", err)[0]))
        for got, own, want in zip(
            aoti_runtime.load(str(out / "libnet.so"), num_models=1).run(x), eager, exact, strict=True
        ):
            distance = (torch.from_numpy(np.from_dlpack(got).copy()) - want).abs().max()
            assert distance <= 2 * (own - want).abs().max() + 1e-7, limit
    assert kernels[0] - kernels[-1] >= 3, kernels  # fusions that were not made are kernels more


def test_fusions_are_counted_over_the_bodies_of_branches_and_loops(tmp_path: Path, capsys: Said) -> None:
    torch.manual_seed(0)
    module, inputs, _ = report_models.MODELS["bodies"]()
    model = tmp_path / "bodies.pt2"
    torch.export.save(torch.export.export(module.eval(), inputs), model)
    every = fusions(capsys, model)
    assert [int(e.split()[1][:-1]) for e in every] == list(range(1, len(every) + 1))
    inside = 0
    for limit in range(len(every)):
        assert fusions(capsys, model, limit) == every[:limit]
        options = CompileOptions("bodies", fuse_limit=limit)
        schedule = aot.compile_model(
            aot.Request(options, model, None, stop_after="scheduler"), lambda *_: None
        ).schedule
        assert schedule is not None
        lines = list(schedule.explanation())
        inside = max(inside, sum(re.match(r"(?:\S+: )+fused", line) is not None for line in lines))
    assert inside >= 5


def _faulty_where(wrong: Callable[[str], bool]) -> Callable[..., jit_build.Built]:
    """A compiler whose kernels of some names give a wrong first element."""

    def build(*args: Any) -> jit_build.Built:
        built = jit_build.build(*args)
        for name in filter(wrong, vars(built.runtime.kernels)):
            sound = getattr(built.runtime.kernels, name)

            def faulty(*arguments: Any, sound: Callable[..., None] = sound) -> None:
                sound(*arguments)
                arguments[-1].view(-1)[0] += 0.01

            setattr(built.runtime.kernels, name, faulty)
        return built

    return build


@pytest.mark.parametrize("kernel", ["cpp_fused_linear_mul_relu", "cpp_fused_softmax_log_add_sum"])
def test_a_wrong_fusion_is_found_by_bisection(
    model: Path, kernel: str, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The product is wrong once `relu` is its epilogue; the softmax, once it is one kernel with the sum of logarithms."""
    wrong = re.compile(kernel)
    monkeypatch.setattr(check_numerics, "build", _faulty_where(lambda name: wrong.match(name) is not None))
    every = fusions(capsys, model)

    def is_right(limit: int) -> bool:
        code, out, err = run(capsys, str(model), "--check-numerics", f"--fuse-limit={limit}")
        assert (code == 0) == ("TOO FAR" not in out) and code in (0, 1), err
        return code == 0

    right, bad = 0, len(every)
    assert is_right(right) and not is_right(bad)
    while bad - right > 1:
        middle = (right + bad) // 2
        right, bad = (middle, bad) if is_right(middle) else (right, middle)
    schedule = aot.compile_model(
        aot.Request(CompileOptions("net", fuse_limit=bad), model, None, stop_after="scheduler"),
        lambda *_: None,
    ).schedule
    assert schedule is not None
    guilty = next(g for g in schedule.groups if wrong.match(g.name))
    first, second = re.findall(r": (\S+) \+ (\S+)", every[bad - 1])[0]
    assert {*first.split("+"), *second.split("+")} == {n.name for n in guilty.nodes}


def test_too_far(model: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_numerics, "build", _faulty_where(lambda name: "linear" in name))
    code, out, err = run(
        capsys, str(model), "--check-numerics", f"--recorded={model.with_suffix('.recorded.npz')}"
    )
    assert code == 1
    header, *rows = out.splitlines()
    assert header.split() == ["launch", "kernel", "operator", "distance", "eager", "bound"]
    verdicts = [re.split(r"\s{2,}", row.strip(), maxsplit=6)[-1] for row in rows]
    bad = [row for row, verdict in zip(rows, verdicts, strict=True) if verdict != "ok"]
    assert bad and len(bad) < len(rows)
    assert re.search(
        r"linear.*TOO FAR; aten\.mul\.Tensor \[mul\] at debugging_flags_test\.py:\d+ in forward$",
        bad[0],
    )
    kernel = bad[0].split()[1]
    assert re.search(rf"^error: {len(bad)} of {len(rows)} results are too far from eager; the first is aten\.mul\.Tensor .* in {kernel}$",
                     err, re.MULTILINE)  # fmt: skip


@pytest.mark.parametrize(
    "flags, why",
    [
        (["--check-numerics", "-o", "out"], "makes no files: leave out --out"),
        (["--check-numerics", "--compile-to=cpp", "--isa=x86-64-v3"], "leave out --compile-to, --isa"),
        (["--check-numerics", "--device=cuda"], "leave out --device"),
        (["--check-numerics", "--recorded=none.npz"], "cannot read none.npz: "),
        (
            ["--recorded=x.npz", "--compile-to=cpp"],
            "--recorded=x.npz is for --check-numerics; add that, or leave it out",
        ),
    ],
)
def test_flags_that_do_not_go_together(model: Path, flags: list[str], why: str, capsys: Said) -> None:
    code, out, err = run(capsys, str(model), *flags)
    assert (code, out) == (1, "") and why in err and "Traceback" not in err


def test_check_numerics_without_a_model(capsys: Said) -> None:
    assert run(capsys, "--check-numerics")[::2] == (
        1,
        "error: --check-numerics needs a model: name a .pt2 file\n",
    )


def test_dump_by_the_environment(
    model: Path, tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AOTI_DUMP", str(tmp_path / "of_environment"))
    assert run(capsys, str(model), "--compile-to=wrapper")[0] == 0
    assert run(capsys, str(model), "--compile-to=wrapper", f"--dump={tmp_path / 'of_flag'}")[0] == 0
    texts = [
        {f.name: f.read_bytes() for f in (tmp_path / d).iterdir()} for d in ("of_environment", "of_flag")
    ]
    assert texts[0] == texts[1] and {"index.txt", "provenance.json"} < set(texts[0])
    assert run(capsys, str(model), "--check-numerics")[0] == 0


def test_paths_may_be_relative(
    model: Path, tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = ("--cache=cache", f"--isa={jit_build.this_processor()}", "--emit=library")
    code, _, err = run(capsys, os.path.relpath(model), "-o", "out", *flags)
    assert code == 0, err
    net, x = _example()
    (rows, _) = aoti_runtime.load("out/libnet_aoti.so", num_models=1).run(x)
    assert torch.allclose(torch.from_numpy(np.from_dlpack(rows).copy()), net(x)[0], atol=1e-5)
