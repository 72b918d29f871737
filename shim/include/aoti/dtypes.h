// Numbers of dtypes, layouts and memory formats, and the sizes of elements.
//
// PyTorch hands these out through functions, so that their values are not part of its ABI; generated code
// bakes the values in AOTI_DTYPE_* into its tables, and the runtime compares them with the shim's functions
// when a container is created. The values are c10::ScalarType's, c10::Layout's and c10::MemoryFormat's of
// PyTorch 2.13. None of these functions can fail; all are thread-safe.
#ifndef AOTI_DTYPES_H_
#define AOTI_DTYPES_H_

#include "aoti/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  AOTI_DTYPE_UINT8 = 0,
  AOTI_DTYPE_INT8 = 1,
  AOTI_DTYPE_INT16 = 2,
  AOTI_DTYPE_INT32 = 3,
  AOTI_DTYPE_INT64 = 4,
  AOTI_DTYPE_FLOAT16 = 5,
  AOTI_DTYPE_FLOAT32 = 6,
  AOTI_DTYPE_FLOAT64 = 7,
  AOTI_DTYPE_COMPLEX32 = 8,
  AOTI_DTYPE_COMPLEX64 = 9,
  AOTI_DTYPE_COMPLEX128 = 10,
  AOTI_DTYPE_BOOL = 11,
  AOTI_DTYPE_BFLOAT16 = 15,
  AOTI_DTYPE_FLOAT8_E5M2 = 23,
  AOTI_DTYPE_FLOAT8_E4M3FN = 24,
  AOTI_DTYPE_FLOAT8_E5M2FNUZ = 25,
  AOTI_DTYPE_FLOAT8_E4M3FNUZ = 26,
  AOTI_DTYPE_UINT16 = 27,
  AOTI_DTYPE_UINT32 = 28,
  AOTI_DTYPE_UINT64 = 29,
  AOTI_DTYPE_FLOAT8_E8M0FNU = 44,
  AOTI_DTYPE_FLOAT4_E2M1FN_X2 = 45
};

// Half-precision values cross the ABI as their bits; complex values as pairs.
typedef struct AotiFloat16 {
  uint16_t bits;
} AotiFloat16;
typedef struct AotiBFloat16 {
  uint16_t bits;
} AotiBFloat16;
typedef struct AotiComplex64 {
  float real, imag;
} AotiComplex64;
typedef struct AotiComplex128 {
  double real, imag;
} AotiComplex128;

AOTI_SHIM_API int32_t aoti_torch_dtype_float8_e5m2(void);
AOTI_SHIM_API int32_t aoti_torch_dtype_float8_e4m3fn(void);
AOTI_SHIM_API int32_t aoti_torch_dtype_float8_e5m2fnuz(void);
AOTI_SHIM_API int32_t aoti_torch_dtype_float8_e4m3fnuz(void);
AOTI_SHIM_API int32_t aoti_torch_dtype_float8_e8m0fnu(void);
AOTI_SHIM_API int32_t aoti_torch_dtype_float4_e2m1fn_x2(void);
AOTI_SHIM_API int32_t aoti_torch_dtype_bfloat16(void);
AOTI_SHIM_API int32_t aoti_torch_dtype_float16(void);
AOTI_SHIM_API int32_t aoti_torch_dtype_float32(void);
AOTI_SHIM_API int32_t aoti_torch_dtype_float64(void);
AOTI_SHIM_API int32_t aoti_torch_dtype_uint8(void);
AOTI_SHIM_API int32_t aoti_torch_dtype_uint16(void);
AOTI_SHIM_API int32_t aoti_torch_dtype_uint32(void);
AOTI_SHIM_API int32_t aoti_torch_dtype_uint64(void);
AOTI_SHIM_API int32_t aoti_torch_dtype_int8(void);
AOTI_SHIM_API int32_t aoti_torch_dtype_int16(void);
AOTI_SHIM_API int32_t aoti_torch_dtype_int32(void);
AOTI_SHIM_API int32_t aoti_torch_dtype_int64(void);
AOTI_SHIM_API int32_t aoti_torch_dtype_bool(void);
AOTI_SHIM_API int32_t aoti_torch_dtype_complex32(void);
AOTI_SHIM_API int32_t aoti_torch_dtype_complex64(void);
AOTI_SHIM_API int32_t aoti_torch_dtype_complex128(void);

// Bytes of one element of `dtype`; 0 for a number that is not a dtype.
AOTI_SHIM_API size_t aoti_torch_dtype_element_size(int32_t dtype);

AOTI_SHIM_API int32_t aoti_torch_layout_strided(void);
AOTI_SHIM_API int32_t aoti_torch_layout_sparse_coo(void);
AOTI_SHIM_API int32_t aoti_torch_layout_sparse_csr(void);
AOTI_SHIM_API int32_t aoti_torch_layout_sparse_csc(void);
AOTI_SHIM_API int32_t aoti_torch_layout_sparse_bsr(void);
AOTI_SHIM_API int32_t aoti_torch_layout_sparse_bsc(void);
AOTI_SHIM_API int32_t aoti_torch_layout__mkldnn(void);
AOTI_SHIM_API int32_t aoti_torch_layout_jagged(void);

AOTI_SHIM_API int32_t aoti_torch_memory_format_contiguous_format(void);
AOTI_SHIM_API int32_t aoti_torch_memory_format_channels_last(void);
AOTI_SHIM_API int32_t aoti_torch_memory_format_channels_last_3d(void);
AOTI_SHIM_API int32_t aoti_torch_memory_format_preserve_format(void);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // AOTI_DTYPES_H_
