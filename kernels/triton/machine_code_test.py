"""The templates as machine code, made with no GPU: the instructions that each architecture is chosen for are there, and nothing spills."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import triton

from kernels.triton.attention import attention
from kernels.triton.compile_kernel import Cubin, compile_kernel
from kernels.triton.convolution import convolution, depthwise
from kernels.triton.gemm import gemm, gemm_persistent
from kernels.triton.gemv import gemv
from kernels.triton.testing.described import (
    SPLITS,
    attention_arguments,
    convolution_arguments,
    depthwise_arguments,
    gemm_arguments,
    linear,
)

assert not os.environ.get("TRITON_INTERPRET"), "these tests need Triton's compiler, not its interpreter"

MATRIX = {80: "mma.sync.aligned.m16n8", 90: "wgmma.mma_async", 100: "tcgen05.mma"}
COPY = {80: "cp.async.cg.shared.global", 90: "cp.async.cg.shared.global", 100: "cp.async.cg.shared.global"}
TENSOR_COPY = "cp.async.bulk.tensor"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton.knobs.cache, "dir", str(tmp_path))


def check(cubin: Cubin, *instructions: str) -> None:
    missing = [i for i in instructions if i not in cubin.assembly]
    assert not missing, f"{cubin.name} for sm_{cubin.arch} lacks {missing}"
    assert cubin.image[:4] == b"\x7fELF"
    assert local_bytes(cubin) == 0, f"{cubin.name} for sm_{cubin.arch} keeps registers in local memory"


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
    cubin = compile_kernel(gemm, gemm_arguments("bf16", 256, 4096, 4096, (128, 128, 64)), arch, num_warps=8)
    check(cubin, MATRIX[arch], COPY[arch], "st.global.v4")


@pytest.mark.parametrize("arch", [90, 100])
def test_gemm_with_tensor_maps(arch: int) -> None:
    arguments = gemm_arguments("fp16", 512, 2048, 2048, (128, 128, 64), TMA=True, PDL=True)
    cubin = compile_kernel(gemm, arguments, arch, num_warps=8, launch_pdl=True)
    check(cubin, MATRIX[arch], TENSOR_COPY, "griddepcontrol.wait", "griddepcontrol.launch_dependents")
    assert [m["block_size"] for m in cubin.tensor_maps] == [[128, 64], [128, 64]]


@pytest.mark.parametrize("arch", [90, 100])
def test_persistent_gemm(arch: int) -> None:
    arguments = gemm_arguments("bf16", 512, 2048, 2048, (128, 128, 64), TMA=True, WARP_SPECIALIZE=arch >= 100)
    cubin = compile_kernel(
        gemm_persistent,
        {k: v for k, v in arguments.items() if k not in SPLITS} | {"batches": 1},
        arch,
        num_warps=8,
    )
    check(cubin, MATRIX[arch], TENSOR_COPY, *(["setmaxnreg"] if arch >= 100 else []))


def test_thin_gemm_reduces_in_one_launch() -> None:
    arguments = gemm_arguments("bf16", 16, 4096, 4096, (16, 64, 128), SPLIT_K=4)
    check(compile_kernel(gemm, arguments, 90), "mma.sync", "atom.global.gpu.acq_rel.add", "ld.global.cg")


@pytest.mark.parametrize(("dtype", "instruction"), [("fp8e4nv", "e4m3"), ("fp8e5", "e5m2")])
def test_fp8(dtype: str, instruction: str) -> None:
    arguments = gemm_arguments(dtype, 256, 512, 512, (128, 128, 128), out="bf16")
    check(compile_kernel(gemm, arguments, 90, num_warps=8), "wgmma.mma_async", instruction)


def test_float32_keeps_its_precision_unless_told() -> None:
    exact = compile_kernel(gemm, gemm_arguments("fp32", 64, 64, 64, (32, 32, 16)), 90)
    check(exact, "fma.rn")
    assert "mma" not in exact.assembly.replace("fma", "")
    fast = gemm_arguments("fp32", 128, 128, 128, (64, 64, 32), PRECISION="tf32")
    check(compile_kernel(gemm, fast, 90), "wgmma.mma_async", "tf32")


@pytest.mark.parametrize("arch", [80, 90, 100])
def test_gemv_reads_16_bytes_at_a_time(arch: int) -> None:
    arguments = {
        **linear("bf16", 1, 4096, 4096),
        **SPLITS,
        "ROWS": 1,
        "BLOCK_N": 4,
        "BLOCK_K": 1024,
        "EVEN_K": True,
    }
    cubin = compile_kernel(gemv, arguments, arch)
    check(cubin, "ld.global.v4")
    assert "ld.global.b16" not in cubin.assembly


@pytest.mark.parametrize("arch", [80, 90, 100])
@pytest.mark.parametrize("causal", [False, True])
def test_attention(arch: int, causal: bool) -> None:
    arguments = attention_arguments(
        "fp16", heads=12, kv_heads=12, queries=512, keys=512, depth=64, CAUSAL=causal
    )
    cubin = compile_kernel(
        attention, arguments | {"BLOCK_M": 128, "BLOCK_N": 64}, arch, num_warps=4 if arch < 90 else 8
    )
    check(cubin, MATRIX[arch], COPY[arch], "ex2.approx")


def test_attention_with_tensor_maps() -> None:
    arguments = attention_arguments("bf16", heads=16, kv_heads=4, queries=512, keys=512, depth=128, TMA=True)
    cubin = compile_kernel(
        attention, arguments | {"BLOCK_M": 128, "BLOCK_N": 64}, 90, num_warps=8, num_stages=2
    )
    check(cubin, "wgmma.mma_async", TENSOR_COPY)
    assert [m["block_size"] for m in cubin.tensor_maps] == [[1, 1, 64, 64], [1, 1, 64, 64]]


def test_decode_attention() -> None:
    arguments = attention_arguments(
        "bf16", heads=16, kv_heads=4, queries=1, keys=2048, depth=128, PACKED=True, SPLITS=16
    )
    cubin = compile_kernel(attention, arguments | {"BLOCK_M": 16, "BLOCK_N": 64}, 90, num_warps=4)
    check(cubin, "mma.sync", "cp.async", "atom.global.gpu.acq_rel.add", "ld.global.cg")


@pytest.mark.parametrize("arch", [80, 90, 100])
def test_convolution(arch: int) -> None:
    arguments = convolution_arguments("fp16", n=32, c=256, size=14, o=256, kernel=3, EVEN_C=True)
    cubin = compile_kernel(
        convolution, arguments | {"BLOCK_M": 128, "BLOCK_N": 128, "BLOCK_K": 64}, arch, num_warps=8
    )
    check(cubin, MATRIX[arch], COPY[arch])


@pytest.mark.parametrize("arch", [80, 90])
def test_convolution_of_an_image(arch: int) -> None:
    """Three channels: BLOCK_K products of several taps at once."""
    arguments = convolution_arguments("fp16", n=1, c=3, size=224, o=64, kernel=7, stride=2, TAPS=True)
    check(
        compile_kernel(convolution, arguments | {"BLOCK_M": 64, "BLOCK_N": 64, "BLOCK_K": 64}, arch),
        MATRIX[arch],
    )


def test_depthwise_convolution() -> None:
    arguments = depthwise_arguments("fp16", n=1, channels=144, size=56, kernel=3)
    check(compile_kernel(depthwise, arguments | {"BLOCK_M": 16, "BLOCK_N": 64}, 90), "ld.global.v4")
