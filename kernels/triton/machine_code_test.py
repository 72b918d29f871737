"""The templates as machine code, made with no GPU: the instructions that each architecture is chosen for are there, and nothing spills."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import triton

from kernels.triton.calls import call
from kernels.triton.compile_kernel import Cubin, compile_kernel
from kernels.tuning.configs import Config
from kernels.tuning.problems import Attention, Convolution, Problem, Product

assert not os.environ.get("TRITON_INTERPRET"), "these tests need Triton's compiler, not its interpreter"

MATRIX = {80: "mma.sync.aligned.m16n8", 90: "wgmma.mma_async", 100: "tcgen05.mma"}
COPY = "cp.async.cg.shared.global"
TENSOR_COPY = "cp.async.bulk.tensor"
JOINING = ("atom.global.gpu.acq_rel.add", "ld.global.cg")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton.knobs.cache, "dir", str(tmp_path))


def made(
    problem: Problem, template: str, arch: int, warps: int = 4, stages: int = 3, **constants: int
) -> Cubin:
    """Compiled, without spills."""
    it = call(problem, Config(template, tuple(constants.items()), warps, stages), 132)
    options = {"launch_pdl": True} if constants.get("PDL") else {}
    cubin = compile_kernel(it.function, it.values, arch, warps, stages, **options)
    assert cubin.image[:4] == b"\x7fELF"
    assert local_bytes(cubin) == 0, f"{cubin.name} for sm_{cubin.arch} keeps registers in local memory"
    return cubin


def check(cubin: Cubin, *instructions: str) -> None:
    missing = [i for i in instructions if i not in cubin.assembly]
    assert not missing, f"{cubin.name} for sm_{cubin.arch} lacks {missing}"


def local_bytes(cubin: Cubin) -> int:
    """Stack and local bytes of a thread, from the disassembler's report."""
    tool = Path(triton.knobs.nvidia.cuobjdump.path)
    path = Path(triton.knobs.cache.dir) / "kernel.cubin"
    path.write_bytes(cubin.image)
    report = subprocess.run(
        [tool, "--dump-resource-usage", path], capture_output=True, text=True, check=True
    ).stdout
    found = re.findall(r"(?:STACK|LOCAL):(\d+)", report)
    assert len(found) == 2, report
    return sum(map(int, found))


@pytest.mark.parametrize("arch", [80, 90, 100])
def test_gemm(arch: int) -> None:
    cubin = made(
        Product("bf16", 256, 4096, 4096), "gemm", arch, warps=8, BLOCK_M=128, BLOCK_N=128, BLOCK_K=64
    )
    check(cubin, MATRIX[arch], COPY, "st.global.v4")


@pytest.mark.parametrize("arch", [90, 100])
def test_gemm_with_tensor_maps(arch: int) -> None:
    blocks = {"BLOCK_M": 128, "BLOCK_N": 64, "BLOCK_K": 64}
    cubin = made(Product("fp16", 512, 2048, 2048), "gemm", arch, warps=8, **blocks, TMA=1, PDL=1)
    check(cubin, MATRIX[arch], TENSOR_COPY, "griddepcontrol.wait", "griddepcontrol.launch_dependents")
    assert [m["block_size"] for m in cubin.tensor_maps] == [[128, 64], [64, 64]]


@pytest.mark.parametrize("arch", [90, 100])
def test_persistent_gemm(arch: int) -> None:
    """Warps are specialised where Triton can do it."""
    blocks = {"BLOCK_M": 128, "BLOCK_N": 128, "BLOCK_K": 64, "WARP_SPECIALIZE": int(arch >= 100)}
    cubin = made(Product("bf16", 512, 2048, 2048), "gemm_persistent", arch, warps=8, **blocks, TMA=1)
    check(cubin, MATRIX[arch], TENSOR_COPY, *(["setmaxnreg"] if arch >= 100 else []))


def test_thin_gemm_reduces_in_one_launch() -> None:
    blocks = {"BLOCK_M": 16, "BLOCK_N": 64, "BLOCK_K": 128, "SPLIT_K": 4}
    check(made(Product("bf16", 16, 4096, 4096), "gemm", 90, **blocks), "mma.sync", *JOINING)


@pytest.mark.parametrize(("dtype", "instruction"), [("fp8e4nv", "e4m3"), ("fp8e5", "e5m2")])
def test_fp8(dtype: str, instruction: str) -> None:
    blocks = {"BLOCK_M": 128, "BLOCK_N": 128, "BLOCK_K": 128}
    check(made(Product(dtype, 256, 512, 512), "gemm", 90, warps=8, **blocks), "wgmma.mma_async", instruction)


def test_float32_keeps_its_precision_unless_told() -> None:
    exact = made(Product("fp32", 64, 64, 64), "gemm", 90, BLOCK_M=32, BLOCK_N=32, BLOCK_K=16)
    check(exact, "fma.rn")
    assert "mma" not in exact.assembly.replace("fma", "")
    blocks = {"BLOCK_M": 64, "BLOCK_N": 64, "BLOCK_K": 32}
    for precision in ("tf32", "tf32x3"):
        check(
            made(Product("fp32", 128, 128, 128, precision=precision), "gemm", 90, **blocks),
            "wgmma.mma_async",
            "tf32",
        )


@pytest.mark.parametrize("arch", [80, 90, 100])
def test_gemv_reads_16_bytes_at_a_time(arch: int) -> None:
    cubin = made(Product("bf16", 1, 4096, 4096), "gemv", arch, BLOCK_N=4, BLOCK_K=1024)
    check(cubin, "ld.global.v4")
    assert "ld.global.b16" not in cubin.assembly


@pytest.mark.parametrize("arch", [80, 90, 100])
@pytest.mark.parametrize("causal", [False, True])
def test_attention(arch: int, causal: bool) -> None:
    problem = Attention("fp16", 1, 12, 12, 512, 512, 64, causal)
    cubin = made(problem, "attention", arch, warps=4 if arch < 90 else 8, BLOCK_M=128, BLOCK_N=64)
    check(cubin, MATRIX[arch], COPY, "ex2.approx")


def test_attention_with_tensor_maps() -> None:
    problem = Attention("bf16", 1, 16, 4, 512, 512, 128)
    cubin = made(problem, "attention", 90, warps=8, stages=2, BLOCK_M=128, BLOCK_N=64, TMA=1)
    check(cubin, "wgmma.mma_async", TENSOR_COPY)
    assert [m["block_size"] for m in cubin.tensor_maps] == [[1, 1, 64, 64], [1, 1, 64, 64]]


def test_attention_of_small_heads() -> None:
    check(made(Attention("fp32", 1, 2, 2, 20, 20, 8), "attention", 90, BLOCK_M=16, BLOCK_N=16), "mma.sync")


def test_decode_attention() -> None:
    problem = Attention("bf16", 1, 16, 4, 1, 2048, 128)
    cubin = made(problem, "attention", 90, BLOCK_M=16, BLOCK_N=64, PACKED=1, SPLITS=16)
    check(cubin, "mma.sync", "cp.async", *JOINING)


@pytest.mark.parametrize("arch", [80, 90, 100])
def test_convolution(arch: int) -> None:
    problem = Convolution("fp16", 32, 14, 14, 256, 256, (3, 3), pad=(1, 1))
    check(
        made(problem, "convolution", arch, warps=8, BLOCK_M=128, BLOCK_N=128, BLOCK_K=64), MATRIX[arch], COPY
    )


@pytest.mark.parametrize("arch", [80, 90])
def test_convolution_of_an_image(arch: int) -> None:
    """Three channels: BLOCK_K products of several taps at once."""
    problem = Convolution("fp16", 1, 224, 224, 3, 64, (7, 7), (2, 2), (3, 3))
    check(made(problem, "convolution", arch, BLOCK_M=64, BLOCK_N=64, BLOCK_K=64), MATRIX[arch])


def test_depthwise_convolution() -> None:
    problem = Convolution("fp16", 1, 56, 56, 1, 1, (3, 3), pad=(1, 1), groups=144)
    check(made(problem, "depthwise", 90, BLOCK_M=16, BLOCK_N=64), "ld.global.v4")
