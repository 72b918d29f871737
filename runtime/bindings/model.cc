#include "runtime/bindings/model.h"

#include <utility>

namespace aoti {

Model::Model(const std::string &path, size_t num_models, int num_threads, const std::string &compat_directory,
             const std::string &device) {
  std::string error;
  LoadOptions options;
  options.compat_directory = compat_directory;
  library_ = load_library(path, options, &error);
  if (library_ == nullptr) throw Error(error);
  const bool is_cuda = api().desc != nullptr && api().desc->cuda != nullptr;
  const std::string chosen = !device.empty() ? device : is_cuda ? "cuda" : "cpu";
  check(api().create_with_device(&container_, num_models, chosen.c_str(), nullptr));
  if (num_threads == 0) return;
  try {
    if (api().set_num_threads == nullptr)
      throw Error(path + ": a stock library does not take a number of threads");
    check(api().set_num_threads(container_, num_threads));
  } catch (...) {
    api().delete_container(container_);  // no destructor runs for what was not finished
    throw;
  }
}

Model::~Model() { api().delete_container(container_); }

void Model::check(AOTIRuntimeError status) const {
  if (status != AOTI_RUNTIME_SUCCESS) throw Error(api().last_error());
}

void Model::check_tensor(AOTITorchError status) const {
  if (status != AOTI_TORCH_SUCCESS) throw Error(api().last_tensor_error());
}

Tensor::Tensor(std::shared_ptr<Model> model, AtenTensorHandle handle, std::shared_ptr<void> kept,
               void *stream)
    : model_(std::move(model)), handle_(handle), kept_(std::move(kept)), stream_(stream) {}

Tensor::~Tensor() { model_->api().delete_tensor_object(handle_); }

std::vector<int64_t> Tensor::shape() const {
  int64_t ndim = 0, *sizes = nullptr;
  model_->check_tensor(model_->api().get_dim(handle_, &ndim));
  model_->check_tensor(model_->api().get_sizes(handle_, &sizes));
  return std::vector<int64_t>(sizes, sizes + ndim);
}

std::vector<int64_t> Tensor::strides() const {
  int64_t ndim = 0, *strides = nullptr;
  model_->check_tensor(model_->api().get_dim(handle_, &ndim));
  model_->check_tensor(model_->api().get_strides(handle_, &strides));
  return std::vector<int64_t>(strides, strides + ndim);
}

int32_t Tensor::dtype() const {
  int32_t dtype = 0;
  model_->check_tensor(model_->api().get_dtype(handle_, &dtype));
  return dtype;
}

DlDevice Tensor::device() const {
  int32_t type = 0, index = 0;
  model_->check_tensor(model_->api().get_device_type(handle_, &type));
  model_->check_tensor(model_->api().get_device_index(handle_, &index));
  return type == AOTI_DEVICE_CUDA ? DlDevice{kDlCuda, index} : DlDevice{kDlCpu, 0};
}

void *Tensor::data() const {
  void *data = nullptr;
  model_->check_tensor(model_->api().get_data_ptr(handle_, &data));
  return data;
}

}  // namespace aoti
