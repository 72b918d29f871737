// A loaded model with its container, for the Python module: C++ ownership around the table of functions.
#ifndef RUNTIME_BINDINGS_MODEL_H_
#define RUNTIME_BINDINGS_MODEL_H_

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/bindings/dlpack.h"
#include "runtime/package/loader.h"
#include "runtime/package/package.h"
#include "runtime/package/session.h"

namespace aoti {

// aoti_runtime.Error: the message of the C function that failed.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class CallSpec;
class Model;

// A session and the models that it runs on, which live at least as long.
struct SessionOfModels {
  std::vector<std::shared_ptr<Model>> models;
  std::unique_ptr<Session> session;
};

// A model: library and container; or a model as a session sees it. Tensors made by it keep it alive, so its
// code stays loaded as long as theirs may run.
class Model {
 public:
  // `device`: "cpu", "cuda", "cuda:1"; empty: what the library was compiled for.
  Model(const std::string &path, const LoadOptions &options, size_t num_models, int num_threads,
        const std::string &device);
  // A method of a package.
  Model(std::shared_ptr<Package> package, const std::string &method, size_t num_models, int num_threads,
        const std::string &device);
  // Model number `index` of a session: its runs read and change the session's state.
  Model(std::shared_ptr<SessionOfModels> session, size_t index);
  ~Model();
  Model(const Model &) = delete;
  Model &operator=(const Model &) = delete;

  const AotiModelApi &api() const { return library_->api(); }
  AOTInductorModelContainerHandle container() const { return container_; }
  const LoadedLibrary &library() const { return *library_; }

  // As AotiModelApi.run.
  AOTIRuntimeError run(std::vector<AtenTensorHandle> *inputs, std::vector<AtenTensorHandle> *outputs,
                       void *stream) const;

  // Puts the first values of the session's state back. Throws Error for a model that is not a session's.
  void reset() const;

  // Throws Error with the container functions' last message unless `status` is success; likewise for tensor
  // functions.
  void check(AOTIRuntimeError status) const;
  void check_tensor(AOTITorchError status) const;

 private:
  friend class CallSpec;

  void set_num_threads(int num_threads);

  std::unique_ptr<LoadedLibrary> own_library_;  // null: the library is a package's
  std::shared_ptr<Package> package_;
  std::shared_ptr<SessionOfModels> session_;  // null: the container is this model's own
  size_t index_ = 0;
  const LoadedLibrary *library_ = nullptr;
  AOTInductorModelContainerHandle container_ = nullptr;
  mutable std::shared_ptr<const CallSpec> call_spec_;  // made by the first call; CallSpec::of
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
