// Numbers of dtypes, layouts and memory formats. Layout and memory-format values: c10::Layout and
// c10::MemoryFormat of PyTorch 2.13.
#include "aoti/dtypes.h"

extern "C" {

int32_t aoti_torch_dtype_float8_e5m2(void) { return AOTI_DTYPE_FLOAT8_E5M2; }
int32_t aoti_torch_dtype_float8_e4m3fn(void) { return AOTI_DTYPE_FLOAT8_E4M3FN; }
int32_t aoti_torch_dtype_float8_e5m2fnuz(void) { return AOTI_DTYPE_FLOAT8_E5M2FNUZ; }
int32_t aoti_torch_dtype_float8_e4m3fnuz(void) { return AOTI_DTYPE_FLOAT8_E4M3FNUZ; }
int32_t aoti_torch_dtype_float8_e8m0fnu(void) { return AOTI_DTYPE_FLOAT8_E8M0FNU; }
int32_t aoti_torch_dtype_float4_e2m1fn_x2(void) { return AOTI_DTYPE_FLOAT4_E2M1FN_X2; }
int32_t aoti_torch_dtype_bfloat16(void) { return AOTI_DTYPE_BFLOAT16; }
int32_t aoti_torch_dtype_float16(void) { return AOTI_DTYPE_FLOAT16; }
int32_t aoti_torch_dtype_float32(void) { return AOTI_DTYPE_FLOAT32; }
int32_t aoti_torch_dtype_float64(void) { return AOTI_DTYPE_FLOAT64; }
int32_t aoti_torch_dtype_uint8(void) { return AOTI_DTYPE_UINT8; }
int32_t aoti_torch_dtype_uint16(void) { return AOTI_DTYPE_UINT16; }
int32_t aoti_torch_dtype_uint32(void) { return AOTI_DTYPE_UINT32; }
int32_t aoti_torch_dtype_uint64(void) { return AOTI_DTYPE_UINT64; }
int32_t aoti_torch_dtype_int8(void) { return AOTI_DTYPE_INT8; }
int32_t aoti_torch_dtype_int16(void) { return AOTI_DTYPE_INT16; }
int32_t aoti_torch_dtype_int32(void) { return AOTI_DTYPE_INT32; }
int32_t aoti_torch_dtype_int64(void) { return AOTI_DTYPE_INT64; }
int32_t aoti_torch_dtype_bool(void) { return AOTI_DTYPE_BOOL; }
int32_t aoti_torch_dtype_complex32(void) { return AOTI_DTYPE_COMPLEX32; }
int32_t aoti_torch_dtype_complex64(void) { return AOTI_DTYPE_COMPLEX64; }
int32_t aoti_torch_dtype_complex128(void) { return AOTI_DTYPE_COMPLEX128; }

size_t aoti_torch_dtype_element_size(int32_t dtype) {
  switch (dtype) {
    case AOTI_DTYPE_UINT8:
    case AOTI_DTYPE_INT8:
    case AOTI_DTYPE_BOOL:
    case AOTI_DTYPE_FLOAT8_E5M2:
    case AOTI_DTYPE_FLOAT8_E4M3FN:
    case AOTI_DTYPE_FLOAT8_E5M2FNUZ:
    case AOTI_DTYPE_FLOAT8_E4M3FNUZ:
    case AOTI_DTYPE_FLOAT8_E8M0FNU:
    case AOTI_DTYPE_FLOAT4_E2M1FN_X2:
      return 1;
    case AOTI_DTYPE_INT16:
    case AOTI_DTYPE_UINT16:
    case AOTI_DTYPE_FLOAT16:
    case AOTI_DTYPE_BFLOAT16:
      return 2;
    case AOTI_DTYPE_INT32:
    case AOTI_DTYPE_UINT32:
    case AOTI_DTYPE_FLOAT32:
    case AOTI_DTYPE_COMPLEX32:
      return 4;
    case AOTI_DTYPE_INT64:
    case AOTI_DTYPE_UINT64:
    case AOTI_DTYPE_FLOAT64:
    case AOTI_DTYPE_COMPLEX64:
      return 8;
    case AOTI_DTYPE_COMPLEX128:
      return 16;
    default:
      return 0;
  }
}

int32_t aoti_torch_layout_strided(void) { return 0; }
int32_t aoti_torch_layout_sparse_coo(void) { return 1; }
int32_t aoti_torch_layout_sparse_csr(void) { return 2; }
int32_t aoti_torch_layout__mkldnn(void) { return 3; }
int32_t aoti_torch_layout_sparse_csc(void) { return 4; }
int32_t aoti_torch_layout_sparse_bsr(void) { return 5; }
int32_t aoti_torch_layout_sparse_bsc(void) { return 6; }
int32_t aoti_torch_layout_jagged(void) { return 7; }

int32_t aoti_torch_memory_format_contiguous_format(void) { return 0; }
int32_t aoti_torch_memory_format_preserve_format(void) { return 1; }
int32_t aoti_torch_memory_format_channels_last(void) { return 2; }
int32_t aoti_torch_memory_format_channels_last_3d(void) { return 3; }

}  // extern "C"
