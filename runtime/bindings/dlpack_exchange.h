// Tensors in and out of Python without copies, through the DLPack protocol (__dlpack__ and
// __dlpack_device__).
#ifndef RUNTIME_BINDINGS_DLPACK_EXCHANGE_H_
#define RUNTIME_BINDINGS_DLPACK_EXCHANGE_H_

#include <pybind11/pybind11.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/bindings/model.h"

namespace aoti {

// What messages call a tensor, put together only where there is something to say.
class TensorName {
 public:
  virtual std::string text() const = 0;

 protected:
  ~TensorName() = default;
};

// A tensor of the model's shim over the memory of a Python object that speaks DLPack. The handle is the
// caller's; the object's memory is given back when the last handle on it goes. `what` names the input in
// messages. *kept is set to what must live as long as the handle when the shim has no deleters (a libtorch
// before 2.11), else left alone. A GPU's memory is asked for in order of `stream`. Raises TypeError,
// ValueError or Error.
AtenTensorHandle import_tensor(const Model &model, const pybind11::handle &object, const TensorName &what,
                               void *stream, std::shared_ptr<void> *kept);

// While it lives, what this thread gives back to Python objects waits until its end, where the thread must
// hold the interpreter's lock: a run that holds no lock need not take it for each input that it is done with.
class ReturnLater {
 public:
  ReturnLater();
  ~ReturnLater();
  ReturnLater(const ReturnLater &) = delete;
  ReturnLater &operator=(const ReturnLater &) = delete;

 private:
  std::vector<void *> tensors_;  // as delete_imported takes them
};

// The capsule that __dlpack__ returns. max_version: None or (major, minor); stream, copy and device as in the
// protocol: a GPU's tensor is ready in order of the stream given.
pybind11::object export_tensor(const std::shared_ptr<Tensor> &tensor, const pybind11::object &stream,
                               const pybind11::object &max_version, const pybind11::object &dl_device,
                               const pybind11::object &copy);

}  // namespace aoti

#endif  // RUNTIME_BINDINGS_DLPACK_EXCHANGE_H_
