// Copying elements between two strided layouts of the same sizes.
#ifndef SHIM_SRC_STRIDED_COPY_H_
#define SHIM_SRC_STRIDED_COPY_H_

#include <stdint.h>

namespace aoti_shim {

// Copies all elements of `sizes` [ndim, at most 64] from src to dst. Strides are in elements; a source stride
// of 0 repeats an element. element_bytes is 1, 2, 4, 8 or 16. The layouts must not overlap in memory.
void strided_copy(int64_t ndim, const int64_t *sizes, char *dst, const int64_t *dst_strides, const char *src,
                  const int64_t *src_strides, int64_t element_bytes);

// The same between two dtypes (see convert.h, which says which).
void strided_convert(int64_t ndim, const int64_t *sizes, char *dst, const int64_t *dst_strides,
                     int32_t dst_dtype, const char *src, const int64_t *src_strides, int32_t src_dtype);

}  // namespace aoti_shim

#endif  // SHIM_SRC_STRIDED_COPY_H_
