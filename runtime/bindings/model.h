// A loaded model with its container, for the Python module: C++ ownership around the table of functions.
#ifndef RUNTIME_BINDINGS_MODEL_H_
#define RUNTIME_BINDINGS_MODEL_H_

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/bindings/dlpack.h"
#include "runtime/package/loader.h"

namespace aoti {

// aoti_runtime.Error: the message of the C function that failed.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A model: library and container. Tensors made by it keep it alive, so its code stays loaded as long as
// theirs may run.
class Model {
 public:
  // `device`: "cpu", "cuda", "cuda:1"; empty: what the library was compiled for.
  Model(const std::string &path, size_t num_models, int num_threads, const std::string &compat_directory,
        const std::string &device);
  ~Model();
  Model(const Model &) = delete;
  Model &operator=(const Model &) = delete;

  const AotiModelApi &api() const { return library_->api(); }
  AOTInductorModelContainerHandle container() const { return container_; }
  const LoadedLibrary &library() const { return *library_; }

  // Throws Error with the container functions' last message unless `status` is success; likewise for tensor
  // functions.
  void check(AOTIRuntimeError status) const;
  void check_tensor(AOTITorchError status) const;

 private:
  std::unique_ptr<LoadedLibrary> library_;
  AOTInductorModelContainerHandle container_ = nullptr;
};

// A tensor handle with its owner.
class Tensor {
 public:
  // Takes the handle over. `kept` is what the tensor's memory needs beside its own storage; may be empty.
  // `stream` is where a GPU makes its values.
  Tensor(std::shared_ptr<Model> model, AtenTensorHandle handle, std::shared_ptr<void> kept, void *stream);
  ~Tensor();
  Tensor(const Tensor &) = delete;
  Tensor &operator=(const Tensor &) = delete;

  const std::shared_ptr<Model> &model() const { return model_; }
  AtenTensorHandle handle() const { return handle_; }
  const std::shared_ptr<void> &kept() const { return kept_; }

  std::vector<int64_t> shape() const;
  std::vector<int64_t> strides() const;  // in elements
  int32_t dtype() const;
  void *data() const;
  DlDevice device() const;
  void *stream() const { return stream_; }

 private:
  std::shared_ptr<Model> model_;
  AtenTensorHandle handle_;
  std::shared_ptr<void> kept_;
  void *stream_;
};

}  // namespace aoti

#endif  // RUNTIME_BINDINGS_MODEL_H_
