#include "shim/src/cuda/transfer.h"

#include "aoti/device.h"

using aoti_cuda::CUDA_MEMCPY3D;
using aoti_cuda::CUresult;
using aoti_cuda::kSuccess;

namespace aoti_shim {
namespace {

// One dimension seen from both sides, strides in bytes.
struct Axis {
  int64_t size, to, from;
};

// The dimensions to walk, innermost first: those of size 1 left out, sorted by the destination's stride, and
// merged where both sides go on without a gap. Gives their number.
int32_t merge_axes(const AtenTensorOpaque *to, const int64_t *from_strides, int64_t element_bytes,
                   Axis *axes) {
  int32_t count = 0;
  for (int64_t d = to->ndim - 1; d >= 0; --d) {
    if (to->sizes[d] == 1) continue;
    Axis axis{to->sizes[d], to->strides[d] * element_bytes, from_strides[d] * element_bytes};
    int32_t at = count++;
    for (; at > 0 && axes[at - 1].to > axis.to; --at) axes[at] = axes[at - 1];
    axes[at] = axis;
  }
  int32_t merged = 0;
  for (int32_t i = 0; i < count; ++i) {
    Axis *last = merged > 0 ? &axes[merged - 1] : nullptr;
    if (last != nullptr && axes[i].to == last->to * last->size && axes[i].from == last->from * last->size) {
      last->size *= axes[i].size;
    } else {
      axes[merged++] = axes[i];
    }
  }
  return merged;
}

struct Copy {
  const aoti_cuda::Device &device;
  aoti_cuda::CUstream stream;
  bool to_host, from_host;
  int64_t width_bytes, rows, to_pitch, from_pitch;  // rows of width_bytes each
};

CUresult copy_rows(const Copy &copy, char *to, const char *from) {
  const aoti_cuda::Driver &cu = *copy.device.cu;
  const size_t bytes = static_cast<size_t>(copy.width_bytes);
  if (copy.rows == 1) {
    if (copy.to_host) return cu.MemcpyDtoHAsync(to, reinterpret_cast<uintptr_t>(from), bytes, copy.stream);
    if (copy.from_host) return cu.MemcpyHtoDAsync(reinterpret_cast<uintptr_t>(to), from, bytes, copy.stream);
    return cu.MemcpyDtoDAsync(reinterpret_cast<uintptr_t>(to), reinterpret_cast<uintptr_t>(from), bytes,
                              copy.stream);
  }
  CUDA_MEMCPY3D description{};
  description.source_type = copy.from_host ? aoti_cuda::kMemoryHost : aoti_cuda::kMemoryDevice;
  description.source_host = copy.from_host ? from : nullptr;
  description.source_device = copy.from_host ? 0 : reinterpret_cast<uintptr_t>(from);
  description.source_pitch = static_cast<size_t>(copy.from_pitch);
  description.destination_type = copy.to_host ? aoti_cuda::kMemoryHost : aoti_cuda::kMemoryDevice;
  description.destination_host = copy.to_host ? to : nullptr;
  description.destination_device = copy.to_host ? 0 : reinterpret_cast<uintptr_t>(to);
  description.destination_pitch = static_cast<size_t>(copy.to_pitch);
  description.width_bytes = bytes;
  description.height = static_cast<size_t>(copy.rows);
  description.depth = 1;
  return cu.Memcpy3DAsync(&description, copy.stream);
}

// Calls copy_rows for every index of axes [first, count).
CUresult walk(const Copy &copy, const Axis *axes, int32_t first, int32_t count, char *to, const char *from) {
  if (first == count) return copy_rows(copy, to, from);
  const Axis &axis = axes[count - 1];
  CUresult result = kSuccess;
  for (int64_t i = 0; i < axis.size && result == kSuccess; ++i) {
    result = walk(copy, axes, first, count - 1, to + i * axis.to, from + i * axis.from);
  }
  return result;
}

// The driver's limit for a pitch is at least 2^31 - 1 bytes; rows must not overlap.
bool fits_pitch(int64_t stride, int64_t width_bytes) { return stride >= width_bytes && stride <= INT32_MAX; }

}  // namespace

CUresult transfer(const aoti_cuda::Device &device, aoti_cuda::CUstream stream, const AtenTensorOpaque *to,
                  const AtenTensorOpaque *from, const int64_t *from_strides) {
  if (to->numel == 0) return kSuccess;
  const int64_t element_bytes = static_cast<int64_t>(aoti_torch_dtype_element_size(to->dtype));
  Axis axes[kMaxRank];
  const int32_t count = merge_axes(to, from_strides, element_bytes, axes);
  Copy copy{device,
            stream,
            to->storage->device_type == AOTI_DEVICE_CPU,
            from->storage->device_type == AOTI_DEVICE_CPU,
            element_bytes,
            1,
            0,
            0};
  int32_t first = 0;
  if (count > 0 && axes[0].to == element_bytes && axes[0].from == element_bytes) {
    copy.width_bytes *= axes[first++].size;
  }
  if (first < count && fits_pitch(axes[first].to, copy.width_bytes) &&
      fits_pitch(axes[first].from, copy.width_bytes)) {
    copy.rows = axes[first].size;
    copy.to_pitch = axes[first].to;
    copy.from_pitch = axes[first].from;
    ++first;
  }
  return walk(copy, axes, first, count, data_of(to), data_of(from));
}

}  // namespace aoti_shim
