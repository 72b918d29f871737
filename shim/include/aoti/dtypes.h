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

// Every dtype: name in capitals, number, bytes of an element, name as PyTorch writes it. Enum, sizes and
// names come from this one list.
// clang-format off
#define AOTI_FOR_EACH_DTYPE(X)                   \
  X(UINT8, 0, 1, uint8)                          \
  X(INT8, 1, 1, int8)                            \
  X(INT16, 2, 2, int16)                          \
  X(INT32, 3, 4, int32)                          \
  X(INT64, 4, 8, int64)                          \
  X(FLOAT16, 5, 2, float16)                      \
  X(FLOAT32, 6, 4, float32)                      \
  X(FLOAT64, 7, 8, float64)                      \
  X(COMPLEX32, 8, 4, complex32)                  \
  X(COMPLEX64, 9, 8, complex64)                  \
  X(COMPLEX128, 10, 16, complex128)              \
  X(BOOL, 11, 1, bool)                           \
  X(BFLOAT16, 15, 2, bfloat16)                   \
  X(FLOAT8_E5M2, 23, 1, float8_e5m2)             \
  X(FLOAT8_E4M3FN, 24, 1, float8_e4m3fn)         \
  X(FLOAT8_E5M2FNUZ, 25, 1, float8_e5m2fnuz)     \
  X(FLOAT8_E4M3FNUZ, 26, 1, float8_e4m3fnuz)     \
  X(UINT16, 27, 2, uint16)                       \
  X(UINT32, 28, 4, uint32)                       \
  X(UINT64, 29, 8, uint64)                       \
  X(FLOAT8_E8M0FNU, 44, 1, float8_e8m0fnu)       \
  X(FLOAT4_E2M1FN_X2, 45, 1, float4_e2m1fn_x2)
// clang-format on

enum {
#define AOTI_DTYPE_NUMBER(capitals, number, bytes, name) AOTI_DTYPE_##capitals = (number),
  AOTI_FOR_EACH_DTYPE(AOTI_DTYPE_NUMBER)
#undef AOTI_DTYPE_NUMBER
};

// The name that PyTorch gives a dtype, "float32"; null for a number that is none. (Not a function of the ABI:
// each library has its own.)
static inline const char *aoti_dtype_name(int32_t dtype) {
  switch (dtype) {
#define AOTI_DTYPE_NAME(capitals, number, bytes, name) \
  case number:                                         \
    return #name;
    AOTI_FOR_EACH_DTYPE(AOTI_DTYPE_NAME)
#undef AOTI_DTYPE_NAME
    default:
      return NULL;
  }
}

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
