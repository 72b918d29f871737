// Calls by the model's own signature: keyword arguments, nested containers, fixed values, and results as the
// model returns them.
//
//   spec.flatten((x, {"state": s}), {"steps": 3})   ->   (x, s): the library's inputs, in order
//   spec.unflatten([Tensor, Tensor])                ->   {"logits": Tensor, "state": [Tensor, None]}
//
// The tree comes from the library (PyTorch's pytree spec, and `call_info` of aoti/model_desc.h). A value that
// the export fixed is compared with the one given; what is different, missing or unknown is an Error that
// names the argument.
#ifndef RUNTIME_BINDINGS_CALL_SPEC_H_
#define RUNTIME_BINDINGS_CALL_SPEC_H_

#include <memory>

#include "runtime/bindings/model.h"

#include <pybind11/pybind11.h>

namespace aoti {

class __attribute__((visibility("hidden"))) CallSpec {
 public:
  // The model's, which is read from the library at the first call. Throws Error where the library says
  // nothing of its signature.
  static const CallSpec &of(const Model &model);
  // The tensors among the arguments. Throws Error for arguments that do not fit.
  pybind11::tuple flatten(const pybind11::args &args, const pybind11::kwargs &kwargs) const;
  // The results as the model returns them; numbers are Python's.
  pybind11::object unflatten(const pybind11::list &results) const;

 private:
  explicit CallSpec(const Model &model);
  void flatten_into(const pybind11::dict &node, const pybind11::handle &value, const std::string &path,
                    pybind11::list *leaves) const;
  void check_fixed(size_t leaf, const pybind11::handle &value, const std::string &path) const;
  void take_default(const pybind11::dict &node, const std::string &path, pybind11::list *leaves) const;
  pybind11::object build(const pybind11::dict &node, const pybind11::list &results, size_t *next) const;

  pybind11::dict in_, out_;
  pybind11::list names_;    // of the parameters
  pybind11::dict fixed_;    // leaf, as text -> the value that the export fixed
  pybind11::list numbers_;  // outputs that are Python numbers
};

}  // namespace aoti

#endif  // RUNTIME_BINDINGS_CALL_SPEC_H_
