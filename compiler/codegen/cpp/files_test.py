"""The kernels tree: what is written where, and the whole text of small kernels."""

from __future__ import annotations

from compiler.codegen.cpp import files
from compiler.ir.kernel import KernelSpec
from compiler.ir.kernel_parse import parse_kernels

SUM = """kernel cpp_fused_sum_0 function cpp_fused_sum_0
  from "sum_1" "aten.sum.dim_IntList" "models/x.py:3 in forward"
  in in_ptr0 arg0 float32 [64, 64] stride [64, 1]
  out out_ptr0 buf0 float32 [64] stride [1]
  parallel i0 in [0, 63] to [64] grain 16
    accumulator acc0 sum float32
    vector r0 in [0, 63] from [0] to [64]
      tmp0 = load in_ptr0 [64*i0 + r0] : float32
      tmp1 = constant -2.0 : float32
      tmp2 = mul tmp0 tmp1 : float32
      acc0 sum tmp2
    store out_ptr0 [i0] acc0
"""

MM = """kernel cpp_fused_mm_relu_1 function cpp_fused_mm_relu_1
  from "mm" "aten.mm.default" "models/x.py:4 in forward"
  in in_ptr0 buf0 float32 [4, 8] stride [8, 1]
  in in_ptr1 w float32 [128] stride [1]
  out out_ptr0 buf1 float32 [4, 16] stride [16, 1]
  scratch 65536
  template gemm_f32_packed tile batch in [0, 0] m in [0, 3] n in [0, 15]
    argument expr 4
    argument expr 16
    argument expr 8
    argument pointer in_ptr0 [0]
    argument expr 8
    argument pointer in_ptr1 [0]
    row
    column
      tmp0 = load acc [n] : float32
      tmp1 = constant 0.0 : float32
      tmp2 = maximum tmp0 tmp1 : float32
      store out_ptr0 [16*m + n] tmp2
"""


def specs() -> list[KernelSpec]:
    return parse_kernels(SUM + MM)


def test_files() -> None:
    assert list(files.write(specs(), 8)) == ["kernels.h", "kernels_0.cpp", "kernels_table.cpp"]
    assert list(files.write(specs(), 1)) == [
        "kernels.h",
        "kernels_0.cpp",
        "kernels_1.cpp",
        "kernels_table.cpp",
    ]


def test_a_reduction_is_a_loop_that_a_person_would_write() -> None:
    text = files.write(specs(), 8)["kernels_0.cpp"]
    assert (
        """// cpp_fused_sum_0
//   aten.sum.dim_IntList [sum_1] at models/x.py:3 in forward
// i0 in [0, 64), at least 16 at a time
"""
        in text
    )
    assert (
        """
  for (int64_t i0 = begin; i0 < end; ++i0) {
    LaneSum acc0 = 0.0f;
    AOTI_VECTOR_LOOP
    for (int64_t r0 = 0; r0 < 64; ++r0) {
      const float tmp0 = in_ptr0[64 * i0 + r0];
      const float tmp2 = tmp0 * (-2.0f);
      AOTI_REASSOCIATED(acc0 += tmp2)
    }
    out_ptr0[i0] = (float)acc0;
  }
}

void AOTI_KERNEL(cpp_fused_sum_0)(AotiKernelContext *ctx, const float *in_ptr0, float *out_ptr0) {
  parallel_for(ctx, 64, 16, [=](int64_t begin, int64_t end, int32_t) {
    cpp_fused_sum_0_range(in_ptr0, out_ptr0, begin, end);
  });
}
"""
        in text
    )


def test_an_epilogue_is_a_function_of_a_tile() -> None:
    text = files.write(specs(), 8)["kernels_0.cpp"]
    assert (
        """
  for (int64_t i = 0; i < m_count; ++i) {
    const int64_t m = m0 + i;
    AOTI_VECTORIZE
    for (int64_t j = 0; j < n_count; ++j) {
      const int64_t n = n0 + j;
      const float tmp0 = acc[i * ld + j];
      const float tmp2 = tmp0 < 0.0f ? 0.0f : tmp0;
      out_ptr0[16 * m + n] = tmp2;
    }
  }
}
"""
        in text
    )
    assert (
        "  gemm_f32_packed(ctx, 4, 16, 8, in_ptr0, 8, in_ptr1, [=](const float *acc, int64_t ld, int64_t,"
        in text
    )
    assert '#include "kernels/cpp/gemm.h"\n' in text


def test_only_c_headers_and_our_own_are_included() -> None:
    for text in files.write(specs(), 8).values():
        includes = [line.split()[1] for line in text.splitlines() if line.startswith("#include")]
        assert all(i == "<stdint.h>" or i.startswith(('"aoti/', '"kernels')) for i in includes)


def test_a_function_shared_by_launches_is_written_once() -> None:
    again = parse_kernels(SUM.replace("kernel cpp_fused_sum_0", "kernel cpp_fused_sum_7"))
    made = files.write(specs() + again, 8)
    assert made["kernels_0.cpp"].count("void AOTI_KERNEL(cpp_fused_sum_0)") == 1
    assert "// Launched 2 times: cpp_fused_sum_0, cpp_fused_sum_7\n" in made["kernels_0.cpp"]
    assert made["kernels.h"].count("(*cpp_fused_sum_0)") == 1
    assert made["kernels_table.cpp"].count("  AOTI_KERNEL(cpp_fused_sum_0),") == 1


def test_traced_kernels_say_what_they_were_made_of() -> None:
    table = files.write(specs(), 8)["kernels_table.cpp"]
    assert (
        """static void traced_cpp_fused_sum_0(AotiKernelContext *ctx, const float *in_ptr0, float *out_ptr0) {
  const aoti::TracedKernel traced(ctx, "cpp_fused_sum_0", "aten.sum.dim_IntList [sum_1] at models/x.py:3 in forward");
  AOTI_KERNEL(cpp_fused_sum_0)(ctx, in_ptr0, out_ptr0);
}
"""
        in table
    )
    assert "_traced) = {\n    traced_cpp_fused_sum_0,\n" in table


def test_lines_are_not_too_long() -> None:
    text = files.write(specs(), 8)["kernels_0.cpp"]
    assert max(map(len, text.splitlines())) <= 112


def test_a_model_without_kernels() -> None:
    made = files.write([], 8)
    assert list(made) == ["kernels.h", "kernels_table.cpp"] and "char none;" in made["kernels.h"]
