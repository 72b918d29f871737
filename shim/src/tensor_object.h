// What an AtenTensorHandle points to, and the checks that every function makes before it trusts one.
//
// Invariants of a live object: magic is the mark of the copy of the shim that made it; sizes and strides have
// ndim numbers, none negative; numel is the product of the sizes; [offset, offset + extent) lies inside the
// storage. An undefined tensor has no storage, rank 0 and numel 0.
#ifndef SHIM_SRC_TENSOR_OBJECT_H_
#define SHIM_SRC_TENSOR_OBJECT_H_

#include "aoti/tensor.h"
#include "shim/src/storage.h"

namespace aoti_shim {

// "aotiTNSR" and "aotiGONE" as little-endian numbers: a deleted handle is told from one that never was.
constexpr uint64_t kLiveTensor = 0x52534e5469746f61u;
constexpr uint64_t kDeadTensor = 0x454e4f4769746f61u;
constexpr int64_t kMaxRank = 64;
constexpr int kInlineRank = 6;

// A description of a tensor without its memory.
struct Geometry {
  int64_t ndim;
  const int64_t *sizes;
  const int64_t *strides;
  int64_t offset;
  int32_t dtype;
};

}  // namespace aoti_shim

struct AtenTensorOpaque {
  uint64_t magic;
  aoti_shim::Storage *storage;  // null: undefined
  int64_t offset;
  int64_t numel;
  int64_t ndim;
  int32_t dtype;
  int64_t *sizes;    // inline_dims, or one heap block that holds both arrays
  int64_t *strides;  // sizes + ndim
  int64_t inline_dims[2 * aoti_shim::kInlineRank];
};

namespace aoti_shim {

// Checks that `tensor` is a live handle of this shim with a tensor in it.
AOTITorchError check_tensor(const char *function, AtenTensorHandle tensor);

// The same, and its elements can be read by the processor: not on a GPU.
AOTITorchError check_host_tensor(const char *function, AtenTensorHandle tensor);

// The same as check_tensor, but an undefined tensor passes.
AOTITorchError check_handle(const char *function, AtenTensorHandle tensor);

// Checks rank, sizes, strides, offset and dtype, and computes the number of elements and the bytes of storage
// that the geometry reaches (0 for a tensor without elements).
AOTITorchError check_geometry(const char *function, const Geometry &geometry, int64_t *ret_numel,
                              int64_t *ret_storage_bytes);

// Makes a tensor object that takes over one reference to `storage` (dropped on failure, too). `numel` as
// computed by check_geometry.
AOTITorchError make_tensor(const char *function, const Geometry &geometry, int64_t numel, Storage *storage,
                           AtenTensorHandle *ret_tensor);

// Where a tensor's memory is.
struct Place {
  int32_t device_type = 0;  // AOTI_DEVICE_CPU
  int32_t device_index = -1;
};

// A tensor with its own memory on a device (checked by resolve_place).
AOTITorchError make_empty(const char *function, const Geometry &geometry, const Place &place,
                          AtenTensorHandle *ret_tensor);

// The place that a caller's numbers mean: 0 and -1 are the CPU's index, -1 is the current GPU. Fails for a
// device that there is not.
AOTITorchError resolve_place(const char *function, int32_t device_type, int32_t device_index,
                             Place *ret_place);

// The place of a defined tensor.
Place place_of(const AtenTensorOpaque *tensor);

// A tensor that shares `self`'s storage; fails when the geometry reaches outside it.
AOTITorchError make_view(const char *function, AtenTensorHandle self, const Geometry &geometry,
                         AtenTensorHandle *ret_tensor);

// The geometry of a tensor; its arrays are borrowed from it.
Geometry geometry_of(const AtenTensorOpaque *tensor);

// Moves what `from` holds into `to` (which drops what it held) and frees the object `from`.
void move_into(AtenTensorOpaque *from, AtenTensorOpaque *to);

// Frees the object and its reference.
void destroy_tensor(AtenTensorOpaque *tensor);

// Address of the first element; null for a tensor without memory.
char *data_of(const AtenTensorOpaque *tensor);

// Row-major strides of `sizes`, into `strides` [ndim]; dimensions of size 0 count as 1, as in PyTorch.
void contiguous_strides(int64_t ndim, const int64_t *sizes, int64_t *strides);

// True when the elements are in row-major order without gaps; strides of dimensions of size 1 do not matter.
bool is_contiguous(const AtenTensorOpaque *tensor);

// Writes "[2, 3]" (cut to `bytes`) for messages; gives `text` back.
const char *format_numbers(int64_t count, const int64_t *numbers, char *text, size_t bytes);

}  // namespace aoti_shim

#endif  // SHIM_SRC_TENSOR_OBJECT_H_
