// Conversion of elements from one dtype to another, as PyTorch's copy_ does it.
//
// Floating-point numbers are rounded to nearest, to integers cut towards zero; anything but zero (NaN too) is
// true; a complex number loses its imaginary part. A number that the target cannot hold wraps (integers) or
// is whatever the processor makes of it (floating point to integer), as in PyTorch.
#ifndef SHIM_SRC_CONVERT_H_
#define SHIM_SRC_CONVERT_H_

#include <stdint.h>

namespace aoti_shim {

// Whether elements of this dtype can be converted: not the 8- and 4-bit floating-point ones and complex32.
bool is_convertible(int32_t dtype);

// Converts `count` elements; strides are in elements. Both dtypes are convertible.
void convert_row(int64_t count, char *dst, int64_t dst_stride, int32_t dst_dtype, const char *src,
                 int64_t src_stride, int32_t src_dtype);

}  // namespace aoti_shim

#endif  // SHIM_SRC_CONVERT_H_
