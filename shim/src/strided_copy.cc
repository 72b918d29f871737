#include "shim/src/strided_copy.h"

#include <string.h>

#include "shim/src/convert.h"
#include "shim/src/tensor_object.h"

namespace aoti_shim {
namespace {

struct Dim {
  int64_t size, dst_stride, src_stride;
};

// Drops dimensions of size 1, orders the rest by descending destination stride (writes go forward in memory)
// and merges neighbours that both layouts walk as one. Gives the number of dimensions left; -1 when there are
// no elements.
int64_t normalise(int64_t ndim, const int64_t *sizes, const int64_t *dst_strides, const int64_t *src_strides,
                  Dim *dims) {
  int64_t count = 0;
  for (int64_t i = 0; i < ndim; ++i) {
    if (sizes[i] == 0) return -1;
    if (sizes[i] == 1) continue;
    int64_t at = count++;
    for (; at > 0 && dims[at - 1].dst_stride < dst_strides[i]; --at) dims[at] = dims[at - 1];
    dims[at] = Dim{sizes[i], dst_strides[i], src_strides[i]};
  }
  int64_t kept = 0;
  for (int64_t i = 0; i < count; ++i) {
    Dim *outer = kept > 0 ? &dims[kept - 1] : nullptr;
    if (outer != nullptr && outer->dst_stride == dims[i].dst_stride * dims[i].size &&
        outer->src_stride == dims[i].src_stride * dims[i].size) {
      *outer = Dim{outer->size * dims[i].size, dims[i].dst_stride, dims[i].src_stride};
    } else {
      dims[kept++] = dims[i];
    }
  }
  return kept;
}

template <class T>
void copy_row(const Dim &dim, char *dst, const char *src) {
  T *to = reinterpret_cast<T *>(dst);
  const T *from = reinterpret_cast<const T *>(src);
  for (int64_t i = 0; i < dim.size; ++i) to[i * dim.dst_stride] = from[i * dim.src_stride];
}

struct Pair16 {
  uint64_t low, high;
};

// How rows are copied: bytes of an element on both sides, and the dtypes where they differ.
struct Elements {
  int64_t dst_bytes, src_bytes;
  int32_t dst_dtype, src_dtype;
};

void copy_innermost(const Dim &dim, char *dst, const char *src, const Elements &elements) {
  if (elements.dst_dtype != elements.src_dtype) {
    return convert_row(dim.size, dst, dim.dst_stride, elements.dst_dtype, src, dim.src_stride,
                       elements.src_dtype);
  }
  if (dim.dst_stride == 1 && dim.src_stride == 1) {
    memcpy(dst, src, static_cast<size_t>(dim.size * elements.dst_bytes));
    return;
  }
  switch (elements.dst_bytes) {
    case 1:
      return copy_row<uint8_t>(dim, dst, src);
    case 2:
      return copy_row<uint16_t>(dim, dst, src);
    case 4:
      return copy_row<uint32_t>(dim, dst, src);
    case 8:
      return copy_row<uint64_t>(dim, dst, src);
    default:
      return copy_row<Pair16>(dim, dst, src);
  }
}

void copy_dims(const Dim *dims, int64_t ndim, char *dst, const char *src, const Elements &elements) {
  if (ndim == 1) return copy_innermost(dims[0], dst, src, elements);
  for (int64_t i = 0; i < dims[0].size; ++i) {
    copy_dims(dims + 1, ndim - 1, dst + i * dims[0].dst_stride * elements.dst_bytes,
              src + i * dims[0].src_stride * elements.src_bytes, elements);
  }
}

void copy_all(int64_t ndim, const int64_t *sizes, char *dst, const int64_t *dst_strides, const char *src,
              const int64_t *src_strides, const Elements &elements) {
  Dim dims[kMaxRank];
  int64_t count = normalise(ndim, sizes, dst_strides, src_strides, dims);
  if (count < 0) return;
  if (count == 0) dims[count++] = Dim{1, 1, 1};
  copy_dims(dims, count, dst, src, elements);
}

}  // namespace

void strided_copy(int64_t ndim, const int64_t *sizes, char *dst, const int64_t *dst_strides, const char *src,
                  const int64_t *src_strides, int64_t element_bytes) {
  copy_all(ndim, sizes, dst, dst_strides, src, src_strides, Elements{element_bytes, element_bytes, 0, 0});
}

void strided_convert(int64_t ndim, const int64_t *sizes, char *dst, const int64_t *dst_strides,
                     int32_t dst_dtype, const char *src, const int64_t *src_strides, int32_t src_dtype) {
  copy_all(ndim, sizes, dst, dst_strides, src, src_strides,
           Elements{static_cast<int64_t>(aoti_torch_dtype_element_size(dst_dtype)),
                    static_cast<int64_t>(aoti_torch_dtype_element_size(src_dtype)), dst_dtype, src_dtype});
}

}  // namespace aoti_shim
