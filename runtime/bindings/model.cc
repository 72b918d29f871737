#include "runtime/bindings/model.h"

#include <utility>

namespace aoti {

namespace {

std::string device_or_own(const AotiModelApi &api, const std::string &device) {
  if (!device.empty()) return device;
  return api.desc != nullptr && api.desc->cuda != nullptr ? "cuda" : "cpu";
}

}  // namespace

Model::Model(const std::string &path, const LoadOptions &options, size_t num_models, int num_threads,
             const std::string &device) {
  std::string error;
  own_library_ = load_library(path, options, &error);
  if (own_library_ == nullptr) throw Error(error);
  library_ = own_library_.get();
  check(api().create_with_device(&container_, num_models, device_or_own(api(), device).c_str(), nullptr));
  set_num_threads(num_threads);
}

Model::Model(std::shared_ptr<Package> package, const std::string &method, size_t num_models, int num_threads,
             const std::string &device)
    : package_(std::move(package)) {
  std::string error;
  const PackagedMethod *loaded = package_->method(method, &error);
  if (loaded == nullptr) throw Error(error);
  library_ = &loaded->library();
  container_ = loaded->create(num_models, device_or_own(api(), device), &error);
  if (container_ == nullptr) throw Error(error);
  set_num_threads(num_threads);
}

Model::Model(std::shared_ptr<SessionOfModels> session, size_t index)
    : session_(std::move(session)),
      index_(index),
      library_(&session_->models[index]->library()),
      container_(session_->models[index]->container()) {}

// Part of construction: no destructor runs for what was not finished.
void Model::set_num_threads(int num_threads) {
  if (num_threads == 0) return;
  try {
    if (api().set_num_threads == nullptr)
      throw Error(library_->path() + ": a stock library does not take a number of threads");
    check(api().set_num_threads(container_, num_threads));
  } catch (...) {
    api().delete_container(container_);
    throw;
  }
}

Model::~Model() {
  if (session_ == nullptr) api().delete_container(container_);
}

AOTIRuntimeError Model::run(std::vector<AtenTensorHandle> *inputs, std::vector<AtenTensorHandle> *outputs,
                            void *stream) const {
  const auto handle = static_cast<AOTInductorStreamHandle>(stream);
  if (session_ != nullptr) {
    return session_->session->run(index_, inputs->data(), inputs->size(), outputs->data(), outputs->size(),
                                  handle, nullptr);
  }
  return api().run(container_, inputs->data(), inputs->size(), outputs->data(), outputs->size(), handle,
                   library_->proxy_executor());
}

void Model::reset() const {
  if (session_ == nullptr)
    throw Error("only a session's state can be put back; make one with aoti_runtime.session");
  session_->session->reset();
}

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
