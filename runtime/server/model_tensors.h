// Tensors of requests and responses <-> tensors of a model library.
#ifndef RUNTIME_SERVER_MODEL_TENSORS_H_
#define RUNTIME_SERVER_MODEL_TENSORS_H_

#include <memory>
#include <vector>

#include "aoti/model_api.h"
#include "runtime/server/service.h"

namespace aoti::server {

// Memory that the kernels may read (and, of an input that a run changes, write): the request's own bytes
// where they lie right, else a copy. It outlives the tensors made of it.
class InputBytes {
 public:
  // Keeps `bytes`, or copies them where the alignment asks for it or a run writes to them.
  InputBytes(const Buffer &bytes, size_t align_bytes, bool is_mutated);
  InputBytes(InputBytes &&) = default;

  void *data() const { return data_; }

 private:
  std::shared_ptr<const void> owner_;
  void *data_;
};

// What the model's table says of an input, beside the datatype, which is compared by the caller: the number
// of dimensions, the number of bytes, bytes of a BOOL. The sizes are the model's own to refuse.
Status check_input(const AotiTensorDesc &desc, const Tensor &tensor);

// Whether sizes are as the table says: of inputs in the table's order, with the right ranks. Asked when a
// model has failed, to tell a request's fault from the server's.
bool fits_table(const AotiModelDesc &desc, const std::vector<const Tensor *> &inputs);

// A handle for `tensor` on `bytes`, in the layout that the table asks for; null with a message on failure.
AtenTensorHandle make_input(const AotiModelApi &api, const AotiTensorDesc &desc, const Tensor &tensor,
                            const InputBytes &bytes, std::string *error);

// The tensor of a handle, which is taken over: in place where it is row-major, else copied. `kept` lives
// as long as the bytes do, which may lie in an input; the library, too, must be in it. False with a message
// on failure.
bool take_output(const AotiModelApi &api, AtenTensorHandle handle, std::shared_ptr<const void> kept,
                 Tensor *tensor, std::string *error);

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_MODEL_TENSORS_H_
