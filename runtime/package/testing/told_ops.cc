// Operators that say what they were given: stock_executor_test.cc reads it in the message of their failure.
// They never look into tensors, so that any number serves as a handle. One, told::doubled, does what an
// operator does.
#include <stdint.h>
#include <stdio.h>

#include "aoti/op_output.h"

namespace {

// Writes text behind text, as far as there is room.
class Text {
 public:
  explicit Text(const AotiOpCall *call) : at_(call->message), left_(call->message_bytes) {}

  template <class... Values>
  void add(const char *format, Values... values) {
    const int written = snprintf(at_, left_, format, values...);
    const size_t size = written < 0                            ? 0
                        : static_cast<size_t>(written) < left_ ? static_cast<size_t>(written)
                                                               : left_;
    at_ += size;
    left_ -= size;
  }

  void add_text(const char *text) { add("%s", text); }

  void add_value(const AotiOpValue &value) {
    if ((value.flags & AOTI_OP_OPTION) != 0) add_text("?");
    if (value.kind == AOTI_OP_NONE) add_text("none");
    if (value.kind == AOTI_OP_TENSOR)
      add("t%d", static_cast<int>(reinterpret_cast<intptr_t>(value.value.tensor)));
    if (value.kind == AOTI_OP_INT) add("%lld", static_cast<long long>(value.value.i64));
    if (value.kind == AOTI_OP_FLOAT) add("%g", value.value.f64);
    if (value.kind == AOTI_OP_BOOL) add_text(value.value.i64 != 0 ? "true" : "false");
    if (value.kind == AOTI_OP_STRING)
      add((value.flags & AOTI_OP_DEVICE) != 0 ? "<%s>" : "'%s'", value.value.string);
    if (value.kind != AOTI_OP_LIST) return;
    add_text("[");
    for (int64_t i = 0; i < value.count; ++i) {
      if (i != 0) add_text(" ");
      add_value(value.value.list[i]);
    }
    add_text("]");
  }

 private:
  char *at_;
  size_t left_;
};

AOTITorchError tell(const AotiOpCall *call) {
  Text text(call);
  for (int64_t i = 0; i < call->num_args; ++i) {
    text.add_value(call->args[i]);
    text.add_text(" ");
  }
  text.add_text("->");
  for (int64_t i = 0; i < call->num_outputs; ++i)
    text.add(" t%d", static_cast<int>(reinterpret_cast<intptr_t>(call->outputs[i])));
  for (int64_t i = 0; i < call->num_results; ++i)
    text.add(" %lld", static_cast<long long>(call->result_lengths[i]));
  return AOTI_TORCH_FAILURE;
}

AOTITorchError succeed(const AotiOpCall *call) {
  return call->num_args == 0 ? AOTI_TORCH_SUCCESS : AOTI_TORCH_FAILURE;
}

AOTITorchError fail_silently(const AotiOpCall *) { return AOTI_TORCH_FAILURE; }

// A message that fills the room and has no 0 at its end.
AOTITorchError fill_message(const AotiOpCall *call) {
  for (size_t i = 0; i < call->message_bytes; ++i) call->message[i] = 'x';
  return AOTI_TORCH_FAILURE;
}

AOTITorchError double_values(const AotiOpCall *call) {
  AtenTensorHandle x = call->args[0].value.tensor;
  float *from = nullptr, *to = nullptr;
  int64_t ndim = 0, count = 0, *sizes = nullptr;
  if (aoti_torch_get_dim(x, &ndim) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_sizes(x, &sizes) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_numel(x, &count) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_data_ptr(x, reinterpret_cast<void **>(&from)) != AOTI_TORCH_SUCCESS ||
      aoti_op_make_output(call, 0, ndim, sizes, AOTI_DTYPE_FLOAT32) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_data_ptr(call->outputs[0], reinterpret_cast<void **>(&to)) != AOTI_TORCH_SUCCESS) {
    return AOTI_TORCH_FAILURE;
  }
  for (int64_t i = 0; i < count; ++i) to[i] = 2 * from[i];
  return AOTI_TORCH_SUCCESS;
}

// Asks for an output that cannot be: the rank is its argument.
AOTITorchError make_impossible(const AotiOpCall *call) {
  const int64_t sizes[3] = {2, int64_t{1} << 40, int64_t{1} << 40};
  return aoti_op_make_output(call, 0, call->args[0].value.i64, sizes, AOTI_DTYPE_FLOAT32);
}

}  // namespace

AOTI_REGISTER_OP(scalars,
                 "told::scalars(Tensor(a!) x, int n, bool b, str s=\"a, (b\", *, float f=1.0, ScalarType d, "
                 "Device where, Tensor? no) -> Tensor",
                 tell)
AOTI_REGISTER_OP(lists,
                 "told::lists(Tensor[] xs, Tensor?[] some, SymInt[2] n=[1, 2], float[] f, bool[] b, str[] s, "
                 "int[] none) -> (Tensor[], Tensor)",
                 tell)
AOTI_REGISTER_OP(doubled, "told::doubled(Tensor x) -> Tensor", double_values)
AOTI_REGISTER_OP(impossible, "told::impossible(int rank) -> Tensor", make_impossible)
AOTI_REGISTER_OP(nothing, "told::nothing() -> ()", succeed)
AOTI_REGISTER_OP(silent, "told::silent() -> ()", fail_silently)
AOTI_REGISTER_OP(long_message, "told::long_message.overload() -> ()", fill_message)
