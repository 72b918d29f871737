// Requests: bytes -> types of service.h.
#include "runtime/server/grpc/codec.h"
#include "runtime/server/grpc/contents.h"
#include "runtime/server/grpc/wire_message.h"

namespace aoti::server::grpc {
namespace {

constexpr int64_t kLongestTimeoutUs = INT64_MAX / 1000;

std::string quoted(std::string_view name) { return "'" + std::string(name) + "'"; }

std::string every_datatype() {
  std::string names;
  for (int i = 0; i <= static_cast<int>(Datatype::kFp64); ++i) {
    names += (i ? ", " : "") + std::string(datatype_name(static_cast<Datatype>(i)));
  }
  return names;
}

// The value of a map<string, InferParameter> under `key`; the later of two entries counts.
bool find_parameter(const Reader &owner, uint32_t field, std::string_view key, Reader *value) {
  for (size_t i = owner.count(field); i-- > 0;) {
    const Reader entry = owner.item(field, i);
    if (entry.text(1) != key) continue;
    *value = entry.message(2);
    return true;
  }
  return false;
}

// A value other than false, 0 and "".
bool is_set(const Reader &value) {
  return value.flag(1) || value.int64(2) != 0 || !value.text(3).empty() || value.float64(4) != 0 ||
         value.uint64(5) != 0;
}

// What these ask for changes what is computed, so that passing over them would give wrong answers.
Status refuse(const Reader &owner, uint32_t field, std::initializer_list<const char *> keys,
              const std::string &of) {
  for (const char *key : keys) {
    Reader value;
    if (!find_parameter(owner, field, key, &value) || !is_set(value)) continue;
    return invalid(of + ": the parameter '" + key + "' is not supported by this server");
  }
  return {};
}

Status read_timeout(const Reader &message, int64_t *timeout_ns) {
  Reader value;
  if (!find_parameter(message, 4, "timeout", &value)) return {};
  int64_t us = 0;
  if (value.has(2)) {
    us = value.int64(2);
  } else if (value.has(5) && value.uint64(5) <= static_cast<uint64_t>(INT64_MAX)) {
    us = static_cast<int64_t>(value.uint64(5));
  } else if (is_set(value)) {
    return invalid("the parameter 'timeout' is no int64; expected microseconds");
  }
  if (us < 0)
    return invalid("the parameter 'timeout' is " + std::to_string(us) +
                   "; expected microseconds, 0 for none");
  *timeout_ns = us > kLongestTimeoutUs ? 0 : us * 1000;
  return {};
}

Status read_raw(const Buffer &message, std::string_view raw, Tensor *tensor) {
  tensor->bytes = {reinterpret_cast<const uint8_t *>(raw.data()), raw.size(), message.owner};
  return {};
}

Status read_typed(const Reader &input, Tensor *tensor) {
  const std::string what = "input " + quoted(tensor->name) + " is " + datatype_name(tensor->datatype) + ": ";
  std::string bytes;
  Status status = read_contents(input.message(5), tensor->datatype, &bytes);
  if (!status.ok()) return {status.code, what + status.message};
  tensor->bytes = Buffer::of(std::move(bytes));
  return {};
}

Status read_input(const Buffer &message, const Reader &input, const std::string_view *raw, Tensor *tensor) {
  tensor->name = input.text(1);
  const std::string what = "input " + quoted(tensor->name);
  if (!datatype_of_name(input.text(2), &tensor->datatype)) {
    return invalid(what + " has datatype " + quoted(input.text(2)) + "; expected one of " + every_datatype());
  }
  Status status = refuse(input, 4, {"shared_memory_region"}, what);
  if (!status.ok()) return status;
  const Span<int64_t> shape = input.numbers<int64_t>(3);
  tensor->shape.assign(shape.begin(), shape.end());
  if (!raw) return read_typed(input, tensor);
  if (input.has(5)) return invalid(what + " has contents beside raw_input_contents; expected one of them");
  return read_raw(message, *raw, tensor);
}

Status read_inputs(const Buffer &message, const Reader &infer, InferCall *call) {
  const size_t num_inputs = infer.count(5), num_raw = infer.count(7);
  call->is_raw = num_raw > 0;
  if (call->is_raw && num_raw != num_inputs) {
    return invalid("raw_input_contents has " + std::to_string(num_raw) + " elements for " +
                   std::to_string(num_inputs) + " inputs; expected one for each, or none");
  }
  call->request->inputs.resize(num_inputs);
  for (size_t i = 0; i < num_inputs; ++i) {
    const std::string_view raw = call->is_raw ? infer.text_item(7, i) : std::string_view();
    Status status =
        read_input(message, infer.item(5, i), call->is_raw ? &raw : nullptr, &call->request->inputs[i]);
    if (!status.ok()) return status;
  }
  return {};
}

Status read_outputs(const Reader &infer, InferRequest *request) {
  for (size_t i = 0; i < infer.count(6); ++i) {
    const Reader output = infer.item(6, i);
    Status status =
        refuse(output, 2, {"classification", "shared_memory_region"}, "output " + quoted(output.text(1)));
    if (!status.ok()) return status;
    request->outputs.emplace_back(output.text(1));
  }
  return {};
}

}  // namespace

Status decode_infer(const Buffer &message, size_t max_bytes, InferCall *call) {
  Arena arena(max_bytes);
  Reader infer;
  Status status = Reader::decode(message.data, message.size, Wire::kInferRequest, &arena, &infer);
  if (!status.ok()) return status;
  call->request = std::make_unique<InferRequest>();
  call->request->model = infer.text(1);
  call->request->version = infer.text(2);
  call->request->id = infer.text(3);
  status = read_timeout(infer, &call->timeout_ns);
  if (status.ok())
    status = refuse(infer, 4, {"sequence_id", "sequence_start", "sequence_end"}, "the request");
  if (status.ok()) status = read_inputs(message, infer, call);
  if (status.ok()) status = read_outputs(infer, call->request.get());
  return status;
}

Status decode_model_name(const Buffer &message, size_t max_bytes, ModelName *model) {
  Arena arena(max_bytes);
  Reader reader;
  Status status = Reader::decode(message.data, message.size, Wire::kModelName, &arena, &reader);
  if (!status.ok()) return status;
  model->name = reader.text(1);
  model->version = reader.text(2);
  return {};
}

Status decode_health(const Buffer &message, size_t max_bytes, std::string *service) {
  ModelName request;  // its first field is a name, too
  Status status = decode_model_name(message, max_bytes, &request);
  *service = request.name;
  return status;
}

Status decode_empty(const Buffer &message, size_t max_bytes) {
  Arena arena(max_bytes);
  Reader reader;
  return Reader::decode(message.data, message.size, Wire::kEmpty, &arena, &reader);
}

Status decode_index(const Buffer &message, size_t max_bytes, bool *only_ready) {
  Arena arena(max_bytes);
  Reader reader;
  Status status = Reader::decode(message.data, message.size, Wire::kIndexRequest, &arena, &reader);
  if (!status.ok()) return status;
  *only_ready = reader.flag(2);
  return {};
}

}  // namespace aoti::server::grpc
