// Tensors joined and cut along one dimension, through the functions of the library that made them.
#ifndef RUNTIME_SERVING_ROWS_H_
#define RUNTIME_SERVING_ROWS_H_

#include <utility>
#include <vector>

#include "aoti/model_api.h"

namespace aoti {

// Bytes of an element of a dtype, one of the ABI's numbers; 0 for another number.
int64_t element_bytes(int32_t dtype);

// What a tensor on the CPU is like. False when the handle is null or a function fails.
struct TensorShape {
  int32_t dtype = 0;
  std::vector<int64_t> sizes, strides;
  void *data = nullptr;
};
bool shape_of(const AotiModelApi &api, AtenTensorHandle tensor, TensorShape *shape);

// A handle, until it is released.
class TensorOwner {
 public:
  TensorOwner(const AotiModelApi &api, AtenTensorHandle handle) : api_(api), handle_(handle) {}
  ~TensorOwner() {
    if (handle_ != nullptr) api_.delete_tensor_object(handle_);
  }
  TensorOwner(const TensorOwner &) = delete;
  TensorOwner &operator=(const TensorOwner &) = delete;
  AtenTensorHandle get() const { return handle_; }
  AtenTensorHandle release() { return std::exchange(handle_, nullptr); }

 private:
  const AotiModelApi &api_;
  AtenTensorHandle handle_;
};

// A new row-major tensor with the parts one after the other along `dim`; null on failure.
AtenTensorHandle join_rows(const AotiModelApi &api, const std::vector<AtenTensorHandle> &parts, int32_t dim);

// A tensor that shares memory between the views that are cut from it; the last one frees it.
class SharedTensor {
 public:
  // Takes the handle over.
  static SharedTensor *make(const AotiModelApi &api, AtenTensorHandle tensor);

  // Rows [begin, begin + count) along `dim`; null on failure.
  AtenTensorHandle rows(int32_t dim, int64_t begin, int64_t count);

  // Gives back the maker's reference.
  void release();

 private:
  SharedTensor(const AotiModelApi &api, AtenTensorHandle tensor) : api_(api), tensor_(tensor) {}
  static void drop(void *data, void *self);

  const AotiModelApi &api_;
  const AtenTensorHandle tensor_;
  int64_t references_ = 1;
};

}  // namespace aoti

#endif  // RUNTIME_SERVING_ROWS_H_
