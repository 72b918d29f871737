#include "runtime/server/model_tensors.h"

#include <string.h>

#include <algorithm>
#include <new>

namespace aoti::server {
namespace {

constexpr std::align_val_t kAlignment{AOTI_ALIGNMENT};

std::string numbers(const std::vector<int64_t> &values) {
  std::string text = "[";
  for (size_t i = 0; i < values.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(values[i]);
  return text + "]";
}

std::vector<int64_t> row_major(const std::vector<int64_t> &sizes) {
  std::vector<int64_t> strides(sizes.size(), 1);
  for (size_t d = sizes.size(); d-- > 1;) strides[d - 1] = strides[d] * std::max<int64_t>(sizes[d], 1);
  return strides;
}

bool is_row_major(const std::vector<int64_t> &sizes, const int64_t *strides) {
  const std::vector<int64_t> expected = row_major(sizes);
  if (std::find(sizes.begin(), sizes.end(), 0) != sizes.end()) return true;
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] != 1 && strides[d] != expected[d]) return false;
  }
  return true;
}

void gather(const uint8_t *from, uint8_t **to, const std::vector<int64_t> &sizes, const int64_t *strides,
            size_t dim, size_t element) {
  if (dim == sizes.size()) {
    memcpy(*to, from, element);
    *to += element;
    return;
  }
  for (int64_t i = 0; i < sizes[dim]; ++i) {
    gather(from + i * strides[dim] * static_cast<int64_t>(element), to, sizes, strides, dim + 1, element);
  }
}

// Keeps a handle, and what its bytes may lie in.
struct OutputOwner {
  const AotiModelApi &api;
  AtenTensorHandle handle;
  std::shared_ptr<const void> kept;

  OutputOwner(const AotiModelApi &api, AtenTensorHandle handle, std::shared_ptr<const void> kept)
      : api(api), handle(handle), kept(std::move(kept)) {}
  OutputOwner(const OutputOwner &) = delete;
  OutputOwner &operator=(const OutputOwner &) = delete;
  ~OutputOwner() { api.delete_tensor_object(handle); }
};

}  // namespace

InputBytes::InputBytes(const Buffer &bytes, size_t align_bytes, bool is_mutated)
    : owner_(bytes.owner), data_(const_cast<uint8_t *>(bytes.data)) {
  const bool is_aligned = bytes.data != nullptr &&
                          reinterpret_cast<uintptr_t>(bytes.data) % std::max<size_t>(align_bytes, 1) == 0;
  if (is_aligned && !is_mutated) return;
  const size_t size = std::max<size_t>(bytes.size, 1);
  std::shared_ptr<uint8_t> copy(static_cast<uint8_t *>(::operator new(size, kAlignment)),
                                [](uint8_t *data) { ::operator delete(data, kAlignment); });
  if (bytes.size > 0) memcpy(copy.get(), bytes.data, bytes.size);
  data_ = copy.get();
  owner_ = std::move(copy);
}

Status check_input(const AotiTensorDesc &desc, const Tensor &tensor) {
  const std::string label = "input '" + tensor.name + "'";
  if (tensor.shape.size() != static_cast<size_t>(desc.ndim)) {
    return invalid(label + " has shape " + numbers(tensor.shape) + "; expected " + std::to_string(desc.ndim) +
                   (desc.ndim == 1 ? " dimension" : " dimensions"));
  }
  size_t bytes = 0;
  if (!tensor_bytes(tensor.datatype, tensor.shape, &bytes)) {
    return invalid(label + " has the impossible shape " + numbers(tensor.shape));
  }
  if (bytes != tensor.bytes.size) {
    return invalid(label + " has " + std::to_string(tensor.bytes.size) + " bytes; expected " +
                   std::to_string(bytes) + " for shape " + numbers(tensor.shape) + " of " +
                   datatype_name(tensor.datatype));
  }
  if (tensor.datatype == Datatype::kBool) {
    const auto is_bool = [](uint8_t byte) { return byte <= 1; };
    if (!std::all_of(tensor.bytes.data, tensor.bytes.data + bytes, is_bool)) {
      return invalid(label + " is BOOL and has a byte that is neither 0 nor 1");
    }
  }
  return {};
}

bool fits_table(const AotiModelDesc &desc, const std::vector<const Tensor *> &inputs) {
  std::vector<int64_t> symbols(static_cast<size_t>(desc.num_symbols), -1);
  for (size_t i = 0; i < inputs.size(); ++i) {
    for (size_t d = 0; d < inputs[i]->shape.size(); ++d) {
      const AotiDimDesc &dim = desc.inputs[i].dims[d];
      const int64_t size = inputs[i]->shape[d];
      if (size < dim.lo || size > dim.hi || size % std::max<int64_t>(dim.multiple_of, 1) != 0) return false;
      if (dim.symbol < 0) continue;
      int64_t &known = symbols[static_cast<size_t>(dim.symbol)];
      if (known >= 0 && known != size) return false;
      known = size;
    }
  }
  if (desc.solve_symbols != nullptr) desc.solve_symbols(symbols.data());
  for (int32_t c = 0; c < desc.num_size_checks; ++c) {
    const AotiSizeCheck &check = desc.size_checks[c];
    const int64_t expected = desc.size_check_value(c, symbols.data());
    if (check.kind == AOTI_CHECK_CONDITION && expected == 0) return false;
    if (check.kind == AOTI_CHECK_SIZE &&
        inputs[static_cast<size_t>(check.input)]->shape[static_cast<size_t>(check.dim)] != expected) {
      return false;
    }
  }
  return true;
}

AtenTensorHandle make_input(const AotiModelApi &api, const AotiTensorDesc &desc, const Tensor &tensor,
                            const InputBytes &bytes, std::string *error) {
  const int64_t ndim = desc.ndim;
  const std::vector<int64_t> plain = row_major(tensor.shape);
  AtenTensorHandle blob = nullptr;
  if (api.create_tensor_from_blob_v2(bytes.data(), ndim, tensor.shape.data(), plain.data(), 0, desc.dtype,
                                     AOTI_DEVICE_CPU, 0, &blob, 0, nullptr, 0) != AOTI_TORCH_SUCCESS) {
    *error = "input '" + tensor.name + "': " + api.last_tensor_error();
    return nullptr;
  }
  if (desc.strides == nullptr) return blob;
  // The model was exported with this input in another layout, channels last for instance.
  std::vector<int64_t> strides(desc.strides, desc.strides + ndim);
  for (size_t d = 0; d < strides.size(); ++d) {
    if (strides[d] == AOTI_ANY_STRIDE) strides[d] = plain[d];
  }
  if (is_row_major(tensor.shape, strides.data())) return blob;
  AtenTensorHandle placed = nullptr;
  bool ok = api.empty_strided(ndim, tensor.shape.data(), strides.data(), desc.dtype, AOTI_DEVICE_CPU, 0,
                              &placed) == AOTI_TORCH_SUCCESS;
  ok = ok && api.copy_(placed, blob, 0) == AOTI_TORCH_SUCCESS;
  if (!ok) *error = "input '" + tensor.name + "': " + api.last_tensor_error();
  api.delete_tensor_object(blob);
  if (ok) return placed;
  if (placed != nullptr) api.delete_tensor_object(placed);
  return nullptr;
}

bool take_output(const AotiModelApi &api, AtenTensorHandle handle, std::shared_ptr<const void> kept,
                 Tensor *tensor, std::string *error) {
  const auto owner = std::make_shared<OutputOwner>(api, handle, std::move(kept));
  int64_t ndim = 0, *sizes = nullptr, *strides = nullptr;
  int32_t dtype = 0, device = 0;
  void *data = nullptr;
  if (api.get_dim(handle, &ndim) != AOTI_TORCH_SUCCESS ||
      api.get_sizes(handle, &sizes) != AOTI_TORCH_SUCCESS ||
      api.get_strides(handle, &strides) != AOTI_TORCH_SUCCESS ||
      api.get_dtype(handle, &dtype) != AOTI_TORCH_SUCCESS ||
      api.get_device_type(handle, &device) != AOTI_TORCH_SUCCESS ||
      api.get_data_ptr(handle, &data) != AOTI_TORCH_SUCCESS) {
    *error = "output '" + tensor->name + "': " + api.last_tensor_error();
    return false;
  }
  tensor->shape.assign(sizes, sizes + ndim);
  size_t bytes = 0;
  if (device != AOTI_DEVICE_CPU || dtype != datatype_dtype(tensor->datatype) ||
      !tensor_bytes(tensor->datatype, tensor->shape, &bytes)) {
    *error = "output '" + tensor->name + "' is not as the model's table says";
    return false;
  }
  if (is_row_major(tensor->shape, strides)) {
    tensor->bytes = {static_cast<const uint8_t *>(data), bytes, owner};
    return true;
  }
  std::string copy(bytes, '\0');
  uint8_t *to = reinterpret_cast<uint8_t *>(copy.data());
  gather(static_cast<const uint8_t *>(data), &to, tensor->shape, strides, 0,
         datatype_bytes(tensor->datatype));
  tensor->bytes = Buffer::of(std::move(copy));
  return true;
}

}  // namespace aoti::server
