"""The export tool: what it writes, that the bytes do not depend on the folder, and every refusal."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
import torch

from compiler.driver import export, export_example, export_oracle, export_paths, export_program
from compiler.support.diagnostics import UserError

REPOSITORY = Path(__file__).absolute().parents[2]

MODEL = """
import torch

class Net(torch.nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.first = torch.nn.Linear(4, 4)
        self.second = torch.nn.Linear(4, 4)
        self.second.weight = self.first.weight
        self.register_buffer("shift", weight)
        self.drop = torch.nn.Dropout(0.5)

    def forward(self, x, n, *, scale):
        y = self.second(torch.relu(self.first(x))) * scale + self.shift
        y = self.drop(y) + torch.zeros(4, dtype=torch.float32) + torch.tensor([1.0, 2.0, 3.0, 4.0])
        return y, n + 1

def build():
    return {
        "module": Net(torch.randn(4)),
        "args": (torch.randn(2, 4), torch.arange(3)),
        "kwargs": {"scale": torch.randn(2, 1)},
    }

def dynamic():
    batch = torch.export.Dim("batch", min=2, max=64)
    return {"module": torch.nn.Linear(4, 2), "args": (torch.randn(5, 4),), "dynamic_shapes": ({0: batch},)}

def from_file(weights):
    text = open(weights).read()
    return Net(torch.full((4,), float(text))), (torch.randn(2, 4), torch.arange(3))

class Thing:
    module = torch.nn.ReLU()
    args = [torch.randn(2)]

def thing(): return Thing()
def nothing(): return None
def only_module(): return torch.nn.ReLU()
def no_module(): return "module", (1,)
def bare_args(): return torch.nn.ReLU(), torch.randn(2)
def extra(): return {"module": torch.nn.ReLU(), "args": (torch.randn(2),), "inputs": ()}
def missing(): return {"module": torch.nn.ReLU()}
def bad_kwargs(): return {"module": torch.nn.ReLU(), "args": (), "kwargs": [1]}
def boom(): raise ValueError("boom happened")

class Root(torch.nn.Module):
    def forward(self, x):
        return x / torch.arange(2, 5).sqrt()  # of integers: in the default dtype

def root(): return Root(), (torch.randn(3),)

class Condition(torch.nn.Module):
    def forward(self, x):
        return (x > 0).any().item(), x

def condition(): return Condition(), (torch.ones(3),)

class Branch(torch.nn.Module):
    def forward(self, x):
        if x.sum() > 0:  # depends on data
            return x
        return -x

def branch(): return Branch(), (torch.randn(2),)

class Log(torch.nn.Module):
    def forward(self, x):
        return torch.log(x)

def nan(): return Log(), (-torch.ones(3),)
def nan_input(): return torch.nn.ReLU(), (torch.full((3,), float("nan")),)

class InPlace(torch.nn.Module):
    def forward(self, x):
        x += 1
        return x * 2

def in_place(): return InPlace(), (torch.zeros(2),)

class Half(torch.nn.Module):
    def forward(self, x):
        return (x.to(torch.bfloat16) * 3).to(torch.float32) + x.half().argmax()

class Strided(torch.nn.Module):
    def forward(self, x, n):
        return (x * n).sum(), x + n

def strided(): return Strided(), (torch.randn(3, 2).t(), torch.tensor(2))

def half(): return Half(), (torch.randn(4),)
def bfloat16(): return torch.nn.ReLU(), (torch.randn(4).bfloat16(),)

class Halves(torch.nn.Module):
    def forward(self, x):
        return x.view(torch.div(x.size(0), 2, rounding_mode="trunc"), 2) + 1  # a tensor as a size

def halves(): return Halves(), (torch.randn(6),)

not_a_function = 3
"""


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    file = tmp_path / "net.py"
    file.write_text(MODEL)
    return file


def run(file: Path, function: str = "build", seed: int = 0, weights: str | None = None) -> tuple[Path, Path]:
    """Exports and returns the two files."""
    data = {} if weights is None else {"weights": weights}
    output, recorded = file.parent / f"{function}.pt2", file.parent / f"{function}.npz"
    export.export_file(export.Request(file, function, output, recorded, seed, data))
    return output, recorded


def refusal(file: Path, function: str, weights: str | None = None) -> str:
    """The message with which the export is refused; nothing may be left behind."""
    before = sorted(os.listdir(file.parent))
    with pytest.raises(UserError) as error:
        run(file, function, weights=weights)
    left = [name for name in sorted(os.listdir(file.parent)) if name not in (*before, "__pycache__")]
    assert not left
    return str(error.value)


def command(
    arguments: list[str],
    folder: Path,
    root: Path = REPOSITORY,
    hash_seed: str = "0",
    prepare: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    search = os.pathsep.join([str(root), *(p for p in sys.path if p)])
    environment = {
        **os.environ,
        "PYTHONPATH": search,
        "PYTHONHASHSEED": hash_seed,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    line = [sys.executable, "-m", "compiler.driver.export", *arguments]
    return subprocess.run(
        line, cwd=folder, env=environment, capture_output=True, text=True, check=False, preexec_fn=prepare
    )


def test_program_computes_what_the_module_does(model_file: Path) -> None:
    output, recorded = run(model_file)
    arrays = numpy.load(recorded)
    program = torch.export.load(output)
    got = program.module()(
        torch.from_numpy(arrays["input_0"]),
        torch.from_numpy(arrays["input_1"]),
        scale=torch.from_numpy(arrays["input_2"]),
    )
    assert sorted(arrays.files) == [
        f"{k}_{i}" for k, n in (("eager", 2), ("input", 3), ("oracle", 2)) for i in range(n)
    ]
    assert torch.equal(got[0], torch.from_numpy(arrays["eager_0"]))
    assert torch.equal(got[1], torch.from_numpy(arrays["eager_1"]))
    assert not any("dropout" in str(node.target) and node.args[2] for node in program.graph.nodes)


def test_oracle_is_the_module_in_float64(model_file: Path) -> None:
    _, recorded = run(model_file)
    arrays = numpy.load(recorded)
    example = export_example.load(model_file, "build", 0, {})
    # Parts of the model that name float32 (its zeros, its constant) hold numbers that both types represent exactly.
    exact, _ = example.module.double()(
        *export_oracle.widen(example.args), **export_oracle.widen(example.kwargs)
    )
    assert arrays["oracle_0"].dtype == numpy.float64 and arrays["eager_0"].dtype == numpy.float32
    numpy.testing.assert_allclose(arrays["oracle_0"], exact.detach().numpy(), rtol=1e-14)
    assert 0 < numpy.abs(arrays["eager_0"] - arrays["oracle_0"]).max() < 1e-5
    assert arrays["oracle_1"].dtype == numpy.int64 and arrays["oracle_1"].tolist() == [1, 2, 3]


def test_oracle_widens_casts(model_file: Path) -> None:
    _, recorded = run(model_file, "half")
    arrays = numpy.load(recorded)
    x = arrays["input_0"].astype(numpy.float64)
    numpy.testing.assert_array_equal(arrays["oracle_0"], x * 3 + x.argmax())
    assert numpy.abs(arrays["eager_0"] - arrays["oracle_0"]).max() > 1e-4


def test_oracle_computes_with_integers_in_float64(model_file: Path) -> None:
    _, recorded = run(model_file, "root")
    arrays = numpy.load(recorded)
    exact = arrays["input_0"].astype(numpy.float64) / numpy.sqrt(numpy.arange(2.0, 5.0))
    numpy.testing.assert_allclose(arrays["oracle_0"], exact, rtol=1e-15)
    assert torch.get_default_dtype() == torch.float32


def test_bfloat16_is_recorded_as_float32(model_file: Path) -> None:
    _, recorded = run(model_file, "bfloat16")
    arrays = numpy.load(recorded)
    assert arrays["input_0"].dtype == arrays["eager_0"].dtype == numpy.float32
    numpy.testing.assert_array_equal(arrays["eager_0"], numpy.maximum(arrays["input_0"], 0))


def test_strides_and_scalars_are_recorded(model_file: Path) -> None:
    _, recorded = run(model_file, "strided")
    arrays = numpy.load(recorded)
    assert arrays["strides_0"].tolist() == [1, 2] and "strides_1" not in arrays
    assert arrays["input_0"].shape == (2, 3) and arrays["input_0"].flags.c_contiguous
    assert arrays["input_1"].shape == arrays["eager_0"].shape == arrays["oracle_0"].shape == ()
    numpy.testing.assert_array_equal(arrays["eager_1"], arrays["input_0"] + 2)


def test_inputs_are_recorded_as_they_were(model_file: Path) -> None:
    _, recorded = run(model_file, "in_place")
    arrays = numpy.load(recorded)
    assert arrays["input_0"].tolist() == [0, 0] and arrays["eager_0"].tolist() == arrays[
        "oracle_0"
    ].tolist() == [2, 2]


def test_one_tensor_given_twice_is_two_inputs() -> None:
    class Difference(torch.nn.Module):
        def forward(self, x: torch.Tensor, y: list[torch.Tensor]) -> torch.Tensor:
            return x - 2 * y[0]

    x = torch.randn(4, 1).expand(4, 3)
    example = export_example.normalise((Difference(), (x, [x])), "here")
    assert example.args[1][0].stride() == x.stride() and torch.equal(example.args[1][0], x)
    program = export_program.export(example)
    other = torch.randn(4, 1).expand(4, 3)
    assert torch.equal(program.module()(x, [other]), x - 2 * other)


def test_dynamic_shapes_are_kept(model_file: Path) -> None:
    program = torch.export.load(run(model_file, "dynamic")[0])
    assert program.module()(torch.randn(33, 4)).shape == (33, 2)
    assert run(model_file, "thing")[0].exists()


def test_a_size_that_was_a_tensor_can_be_read_again(model_file: Path) -> None:
    output, recorded = run(model_file, "halves")
    x = torch.from_numpy(numpy.load(recorded)["input_0"])
    assert torch.equal(torch.export.load(output).module()(x), x.view(3, 2) + 1)


def test_shared_weights_are_stored_once(model_file: Path) -> None:
    output, _ = run(model_file)
    with zipfile.ZipFile(output) as archive:
        names = [info.filename for info in archive.infolist() if "/weights/weight_" in info.filename]
    # One weight for both layers, two biases, one buffer.
    assert len(names) == 4


def test_seed_decides(model_file: Path) -> None:
    one = run(model_file)[0].read_bytes()
    assert run(model_file)[0].read_bytes() == one
    assert run(model_file, seed=1)[0].read_bytes() != one


def test_bytes_do_not_depend_on_the_folder(tmp_path: Path) -> None:
    """Two processes, other folders, other working folders, the file named in another way, another hash seed."""
    results = []
    for name, hash_seed in (("one", "1"), ("deeper/two", "2")):
        root = tmp_path / name
        (root / "nets").mkdir(parents=True)
        (root / "nets" / "net.py").write_text(MODEL)
        where, what = (root, "nets/net.py") if name == "one" else (tmp_path, str(root / "nets" / "net.py"))
        done = command([what, f"-o={root}/m.pt2", f"--recorded={root}/m.npz"], where, root, hash_seed)
        # Namespace packages: `compiler` is found in the repository, `nets` under `root`.
        assert done.returncode == 0, done.stderr
        results.append([(root / f).read_bytes() for f in ("m.pt2", "m.npz")])
    assert results[0] == results[1]
    for folder in (tmp_path, REPOSITORY, Path(torch.__file__).parent):
        assert str(folder).encode() not in results[0][0]
    assert b'File \\"nets/net.py\\", line 14, in forward' in results[0][0]
    assert b'File \\"torch/nn/modules/linear.py\\"' in results[0][0]


def test_data_files_reach_the_function(model_file: Path, tmp_path: Path) -> None:
    weights = tmp_path / "w.txt"
    weights.write_text("2.5")
    # The function's own error (scale is missing) shows that it was called and its result used.
    message = refusal(model_file, "from_file", weights=str(weights))
    assert "net.py:from_file: the model does not export" in message and "scale" in message
    message = refusal(model_file, "from_file")
    assert "net.py:from_file(weights): missing a required argument: 'weights'; --data gave nothing" in message
    message = refusal(model_file, "build", weights=str(weights))
    assert "net.py:build(): got an unexpected keyword argument 'weights'" in message


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("nothing", ["net.py:nothing returned None; expected (module, args), a dict"]),
        ("only_module", ["net.py:only_module returned a ReLU; expected (module, args)"]),
        ("no_module", ["module is a str, expected a torch.nn.Module"]),
        ("bare_args", ["args is a Tensor, expected a tuple"]),
        ("extra", ["unknown entries inputs; known are module, args, kwargs, dynamic_shapes"]),
        ("missing", ["returned a dict without args"]),
        ("bad_kwargs", ["kwargs is a list of 1, expected a dict"]),
        ("boom", ["net.py:boom failed: net.py:", "in boom", "ValueError: boom happened"]),
        (
            "branch",
            [
                "net.py:branch: the model does not export. net.py:",
                "in forward",
                "if x.sum() > 0",
                "data-dependent",
            ],
        ),
        ("condition", ["torch.export.save cannot write this program", "give the tensor instead"]),
        ("nan", ["output 0 of eager has NaN at 3 of 3 places"]),
        ("nan_input", ["example input input has NaN at 3 of 3 places"]),
        ("biuld", ["has no function 'biuld'; it has: bad_kwargs, bare_args, bfloat16, boom, branch, build,"]),
        ("not_a_function", ["'not_a_function' in", "is an int, expected a function"]),
    ],
)
def test_refusals(model_file: Path, function: str, expected: list[str]) -> None:
    message = refusal(model_file, function)
    for part in expected:
        assert part in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def build(:\n", ["bad.py:1: SyntaxError"]),
        (
            "import no_such_package\n",
            ["bad.py:1 in <module>", "No module named 'no_such_package'", "PYTHONPATH"],
        ),
        ("x = 1\n1 / 0\n", ["bad.py:2 in <module>, '1 / 0': ZeroDivisionError"]),
        ("x = 1\n", ["has no function 'build'; it has: none"]),
    ],
)
def test_files_that_do_not_import(tmp_path: Path, text: str, expected: list[str]) -> None:
    file = tmp_path / "bad.py"
    file.write_text(text)
    message = refusal(file, "build")
    for part in expected:
        assert part in message


def test_command_line(model_file: Path) -> None:
    folder = model_file.parent
    done = command(["net.py", "-o", "m.pt2"], folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "net.py:build -> m.pt2: 3 inputs, 2 outputs, 6 constants (128 bytes)\n"
    done = command(["net.py", "--function=nothing", "-o", "n.pt2"], folder)
    assert (
        done.returncode == 1
        and done.stderr.startswith("error: net.py:nothing returned None")
        and not done.stdout
    )
    assert "Traceback" not in done.stderr
    done = command(["--help"], folder)
    assert all(
        name in done.stdout
        for name in ("--function", "--output", "--recorded", "--seed", "--data", "return module, (x, y)")
    )
    done = command(["a.py", "b.py", "-o", "m.pt2"], folder)
    assert done.returncode == 1 and "expected one MODELFILE.py, got ['a.py', 'b.py']" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["absent.py", "-o=m.pt2"], "absent.py: does not exist (looked in"),
        ([".", "-o=m.pt2"], ".: is a folder, expected a Python file"),
        (["net.py", "-o=none/m.pt2"], "the folder none does not exist"),
        (["net.py", "-o=m.pt2", "--recorded=."], "is a folder, expected the name of a file"),
        (["net.py", "-o=m.pt2", "--recorded=./m.pt2"], "both name m.pt2"),
        (["net.py", "-o=m.pt2", "--data=x"], "--data=x: expected NAME=PATH"),
        (["net.py", "-o=m.pt2", "--data=x="], "--data=x=: expected NAME=PATH"),
        (["net.py", "-o=m.pt2", "--data=a-b=net.py"], "--data=a-b=net.py: expected NAME=PATH"),
        (["net.py", "-o=m.pt2", "--data=x=absent"], "there is no file absent"),
        (["net.py", "-o=m.pt2", "--data=x=net.py", "--data=x=net.py"], "x was given before"),
    ],
)
def test_bad_arguments_are_refused_before_torch_is_imported(
    model_file: Path, arguments: list[str], expected: str
) -> None:
    # A torch that cannot be imported shows that none is.
    (model_file.parent / "torch.py").write_text("raise SystemExit('torch was imported')")
    done = command(arguments, model_file.parent)
    assert done.returncode == 1 and expected in done.stderr, done.stderr


@pytest.mark.parametrize("limit", [500, 2000, 20000])
def test_a_full_disk_is_named(model_file: Path, limit: int) -> None:
    """A limit on the size of files strikes as a full disk does, at any place of the archive."""
    before = sorted(os.listdir(model_file.parent))
    done = command(
        [model_file.name, "-o=m.pt2", "--recorded=m.npz"],
        model_file.parent,
        prepare=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and "no space left" in done.stderr and "-o" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(os.listdir(model_file.parent)) == before


@pytest.mark.parametrize(
    ("path", "portable"),
    [
        ("/any/lib/python3.11/site-packages/torch/nn/modules/linear.py", "torch/nn/modules/linear.py"),
        (str(REPOSITORY / "models" / "x.py"), "models/x.py"),
        ("/nowhere/known/x.py", "x.py"),
    ],
)
def test_portable_paths(path: str, portable: str) -> None:
    assert export_paths.portable_path(path) == portable
    trace = f'File "{path}", line 3, in forward\n    x\n  File "<string>", line 1, in f'
    assert export_paths.portable_trace(trace) == trace.replace(path, portable)


def test_generated_model_files_have_portable_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert export_paths.portable_path("bazel-out/k8-opt/bin/nets/x.py") == "nets/x.py"
