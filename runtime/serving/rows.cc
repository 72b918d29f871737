#include "runtime/serving/rows.h"

namespace aoti {

int64_t element_bytes(int32_t dtype) {
  switch (dtype) {
#define AOTI_DTYPE_BYTES(capitals, number, bytes, name) \
  case number:                                          \
    return bytes;
    AOTI_FOR_EACH_DTYPE(AOTI_DTYPE_BYTES)
#undef AOTI_DTYPE_BYTES
    default:
      return 0;
  }
}

namespace {

char *row_address(const TensorShape &shape, int32_t dim, int64_t row) {
  return static_cast<char *>(shape.data) +
         row * shape.strides[static_cast<size_t>(dim)] * element_bytes(shape.dtype);
}

}  // namespace

bool shape_of(const AotiModelApi &api, AtenTensorHandle tensor, TensorShape *shape) {
  int64_t ndim = 0, *sizes = nullptr, *strides = nullptr;
  int32_t device = 0;
  if (tensor == nullptr || api.get_dim(tensor, &ndim) != AOTI_TORCH_SUCCESS ||
      api.get_sizes(tensor, &sizes) != AOTI_TORCH_SUCCESS ||
      api.get_strides(tensor, &strides) != AOTI_TORCH_SUCCESS ||
      api.get_dtype(tensor, &shape->dtype) != AOTI_TORCH_SUCCESS ||
      api.get_device_type(tensor, &device) != AOTI_TORCH_SUCCESS || device != AOTI_DEVICE_CPU ||
      api.get_data_ptr(tensor, &shape->data) != AOTI_TORCH_SUCCESS) {
    return false;
  }
  shape->sizes.assign(sizes, sizes + ndim);
  shape->strides.assign(strides, strides + ndim);
  return true;
}

AtenTensorHandle join_rows(const AotiModelApi &api, const std::vector<AtenTensorHandle> &parts, int32_t dim) {
  TensorShape whole, part;
  if (parts.empty() || !shape_of(api, parts[0], &whole)) return nullptr;
  const size_t along = static_cast<size_t>(dim);
  whole.sizes[along] = 0;
  for (AtenTensorHandle handle : parts) {
    if (!shape_of(api, handle, &part)) return nullptr;
    whole.sizes[along] += part.sizes[along];
  }
  int64_t stride = 1;
  for (size_t i = whole.sizes.size(); i-- > 0; stride *= whole.sizes[i]) whole.strides[i] = stride;
  const int64_t ndim = static_cast<int64_t>(whole.sizes.size());
  AtenTensorHandle made = nullptr;
  if (api.empty_strided(ndim, whole.sizes.data(), whole.strides.data(), whole.dtype, AOTI_DEVICE_CPU, 0,
                        &made) != AOTI_TORCH_SUCCESS) {
    return nullptr;
  }
  TensorOwner joined(api, made);
  if (!shape_of(api, joined.get(), &whole)) return nullptr;
  int64_t row = 0;
  for (AtenTensorHandle handle : parts) {
    if (!shape_of(api, handle, &part) ||
        api.create_tensor_from_blob_v2(row_address(whole, dim, row), ndim, part.sizes.data(),
                                       whole.strides.data(), 0, whole.dtype, AOTI_DEVICE_CPU, 0, &made, 0,
                                       nullptr, 0) != AOTI_TORCH_SUCCESS) {
      return nullptr;
    }
    const TensorOwner place(api, made);
    if (api.copy_(place.get(), handle, 0) != AOTI_TORCH_SUCCESS) return nullptr;
    row += part.sizes[along];
  }
  return joined.release();
}

SharedTensor *SharedTensor::make(const AotiModelApi &api, AtenTensorHandle tensor) {
  return new SharedTensor(api, tensor);
}

AtenTensorHandle SharedTensor::rows(int32_t dim, int64_t begin, int64_t count) {
  TensorShape shape;
  AtenTensorHandle view = nullptr;
  if (!shape_of(api_, tensor_, &shape)) return nullptr;
  void *data = row_address(shape, dim, begin);
  shape.sizes[static_cast<size_t>(dim)] = count;
  __atomic_fetch_add(&references_, 1, __ATOMIC_RELAXED);
  if (api_.create_tensor_with_deleter(data, static_cast<int64_t>(shape.sizes.size()), shape.sizes.data(),
                                      shape.strides.data(), 0, shape.dtype, AOTI_DEVICE_CPU, 0, &view, 0,
                                      nullptr, 0, drop, this) == AOTI_TORCH_SUCCESS) {
    return view;
  }
  release();
  return nullptr;
}

void SharedTensor::release() {
  if (__atomic_fetch_sub(&references_, 1, __ATOMIC_ACQ_REL) != 1) return;
  api_.delete_tensor_object(tensor_);
  delete this;
}

void SharedTensor::drop(void *, void *self) { static_cast<SharedTensor *>(self)->release(); }

}  // namespace aoti
