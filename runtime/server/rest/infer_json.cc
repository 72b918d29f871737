#include "runtime/server/rest/infer_json.h"

#include <yyjson.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "runtime/server/rest/json_elements.h"
#include "runtime/server/rest/json_text.h"

namespace aoti::server {
namespace {

constexpr size_t kMaxDims = 64;       // as tensors of the shim have at most
constexpr size_t kMaxTensors = 4096;  // of a request

struct Document {
  yyjson_doc *doc = nullptr;

  Document() = default;
  Document(const Document &) = delete;
  Document &operator=(const Document &) = delete;
  ~Document() { yyjson_doc_free(doc); }
};

bool read_string(yyjson_val *value, std::string *text) {
  if (!yyjson_is_str(value)) return false;
  text->assign(yyjson_get_str(value), yyjson_get_len(value));
  return true;
}

// A parameter that is there and not null, false, 0 or "".
bool is_set(yyjson_val *value) {
  if (value == nullptr || yyjson_is_null(value) || yyjson_is_false(value)) return false;
  if (yyjson_is_int(value)) return yyjson_get_uint(value) != 0;
  return !yyjson_is_str(value) || yyjson_get_len(value) != 0;
}

Status refuse_parameters(yyjson_val *parameters, const std::string &label) {
  if (parameters != nullptr && !yyjson_is_obj(parameters)) return invalid(label + "parameters is no object");
  for (const char *name :
       {"shared_memory_region", "classification", "sequence_id", "sequence_start", "sequence_end"}) {
    if (is_set(yyjson_obj_get(parameters, name))) {
      return invalid(label + "the parameter '" + name + "' is not supported by this server");
    }
  }
  return {};
}

Status read_bool(yyjson_val *parameters, const char *name, const std::string &label, bool *value) {
  yyjson_val *found = yyjson_obj_get(parameters, name);
  if (found == nullptr) return {};
  if (!yyjson_is_bool(found)) return invalid(label + name + " is neither true nor false");
  *value = yyjson_get_bool(found);
  return {};
}

// The parameter "timeout": microseconds from the request's arrival (Triton's meaning of it).
Status read_timeout(yyjson_val *parameters, int64_t now, InferRequest *request) {
  yyjson_val *timeout = yyjson_obj_get(parameters, "timeout");
  if (!is_set(timeout)) return {};
  if (!yyjson_is_uint(timeout))
    return invalid("the parameter timeout is no whole number of microseconds above 0");
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max() / 4000;
  request->deadline_ns = now + static_cast<int64_t>(std::min(yyjson_get_uint(timeout), kMost)) * 1000;
  return {};
}

Status read_shape(yyjson_val *shape, const std::string &label, std::vector<int64_t> *sizes) {
  if (!yyjson_is_arr(shape)) return invalid(label + "shape is no array");
  if (yyjson_arr_size(shape) > kMaxDims)
    return invalid(label + "more than " + std::to_string(kMaxDims) + " dimensions");
  size_t i, n;
  yyjson_val *size;
  yyjson_arr_foreach(shape, i, n, size) {
    if (!yyjson_is_uint(size) ||
        yyjson_get_uint(size) > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return invalid(label + "dimension " + std::to_string(i) +
                     " of the shape is no whole number of 0 or more");
    }
    sizes->push_back(static_cast<int64_t>(yyjson_get_uint(size)));
  }
  return {};
}

// The bytes after the JSON, taken one tensor after the other.
struct Rest {
  std::string_view bytes;
  std::shared_ptr<const void> owner;

  bool take(uint64_t size, Buffer *buffer) {
    if (size > bytes.size()) return false;
    *buffer = {reinterpret_cast<const uint8_t *>(bytes.data()), static_cast<size_t>(size), owner};
    bytes.remove_prefix(static_cast<size_t>(size));
    return true;
  }
};

Status read_input(yyjson_val *input, Rest *rest, Tensor *tensor) {
  if (!read_string(yyjson_obj_get(input, "name"), &tensor->name)) {
    return invalid("an input is no object with a name, a string");
  }
  const std::string label = "input '" + tensor->name + "': ";
  std::string datatype;
  if (!read_string(yyjson_obj_get(input, "datatype"), &datatype))
    return invalid(label + "datatype is no string");
  if (!datatype_of_name(datatype, &tensor->datatype)) {
    return invalid(label + "datatype '" + datatype +
                   "' is unknown or not supported; expected FP32, INT64 or the like");
  }
  if (Status status = read_shape(yyjson_obj_get(input, "shape"), label, &tensor->shape); !status.ok())
    return status;
  yyjson_val *parameters = yyjson_obj_get(input, "parameters");
  if (Status status = refuse_parameters(parameters, label); !status.ok()) return status;
  yyjson_val *data = yyjson_obj_get(input, "data"), *size = yyjson_obj_get(parameters, "binary_data_size");
  if ((data == nullptr) == (size == nullptr)) {
    return invalid(label + "expected either data or the parameter binary_data_size");
  }
  if (data != nullptr) {
    std::string bytes;
    Status status = read_json_elements(data, tensor->name, tensor->datatype, tensor->shape, &bytes);
    tensor->bytes = Buffer::of(std::move(bytes));
    return status;
  }
  if (!yyjson_is_uint(size)) return invalid(label + "binary_data_size is no whole number of 0 or more");
  if (!rest->take(yyjson_get_uint(size), &tensor->bytes)) {
    return invalid(label + "binary_data_size is " + std::to_string(yyjson_get_uint(size)) + ", but only " +
                   std::to_string(rest->bytes.size()) +
                   " bytes are left after the JSON (whose length the header "
                   "Inference-Header-Content-Length tells)");
  }
  return {};
}

Status read_inputs(yyjson_val *inputs, Rest *rest, InferRequest *request) {
  if (!yyjson_is_arr(inputs)) return invalid("expected \"inputs\", an array");
  if (yyjson_arr_size(inputs) > kMaxTensors)
    return invalid("more than " + std::to_string(kMaxTensors) + " inputs");
  size_t i, n;
  yyjson_val *input;
  yyjson_arr_foreach(inputs, i, n, input) {
    request->inputs.emplace_back();
    if (Status status = read_input(input, rest, &request->inputs.back()); !status.ok()) return status;
  }
  if (rest->bytes.empty()) return {};
  return invalid(std::to_string(rest->bytes.size()) + " bytes follow the last binary tensor");
}

Status read_outputs(yyjson_val *outputs, InferRequest *request, OutputForms *forms) {
  if (outputs == nullptr) return {};
  if (!yyjson_is_arr(outputs)) return invalid("outputs is no array");
  if (yyjson_arr_size(outputs) > kMaxTensors)
    return invalid("more than " + std::to_string(kMaxTensors) + " outputs");
  size_t i, n;
  yyjson_val *output;
  yyjson_arr_foreach(outputs, i, n, output) {
    std::string name;
    if (!read_string(yyjson_obj_get(output, "name"), &name)) {
      return invalid("an output is no object with a name, a string");
    }
    const std::string label = "output '" + name + "': ";
    yyjson_val *parameters = yyjson_obj_get(output, "parameters");
    bool is_binary = forms->is_binary;
    if (Status status = refuse_parameters(parameters, label); !status.ok()) return status;
    if (Status status = read_bool(parameters, "binary_data", label, &is_binary); !status.ok()) return status;
    forms->is_binary_of.emplace_back(name, is_binary);
    request->outputs.push_back(std::move(name));
  }
  return {};
}

}  // namespace

bool OutputForms::of(const std::string &name) const {
  for (const auto &[each, is] : is_binary_of) {
    if (each == name) return is;
  }
  return is_binary;
}

Status read_infer_request(std::string_view body, size_t json_bytes, const std::shared_ptr<const void> &owner,
                          int64_t now_ns, InferRequest *request, OutputForms *forms) {
  Document document;
  yyjson_read_err error;
  document.doc = yyjson_read_opts(const_cast<char *>(body.data()), json_bytes, 0, nullptr, &error);
  if (document.doc == nullptr) {
    return invalid("the body is no JSON: " + std::string(error.msg) + " at byte " +
                   std::to_string(error.pos));
  }
  yyjson_val *root = yyjson_doc_get_root(document.doc);
  if (!yyjson_is_obj(root)) return invalid("the body is no JSON object");
  yyjson_val *id = yyjson_obj_get(root, "id"), *parameters = yyjson_obj_get(root, "parameters");
  if (id != nullptr && !read_string(id, &request->id)) return invalid("id is no string");
  if (Status status = refuse_parameters(parameters, ""); !status.ok()) return status;
  if (Status status = read_bool(parameters, "binary_data_output", "", &forms->is_binary); !status.ok())
    return status;
  if (Status status = read_timeout(parameters, now_ns, request); !status.ok()) return status;
  Rest rest{body.substr(json_bytes), owner};
  if (Status status = read_inputs(yyjson_obj_get(root, "inputs"), &rest, request); !status.ok())
    return status;
  return read_outputs(yyjson_obj_get(root, "outputs"), request, forms);
}

Status write_infer_response(const InferResponse &response, const OutputForms &forms,
                            std::vector<Buffer> *body, size_t *json_bytes) {
  std::string text = "{\"model_name\":", error;
  append_json_string(&text, response.model);
  text += ",\"model_version\":";
  append_json_string(&text, response.version);
  if (!response.id.empty()) {
    text += ",\"id\":";
    append_json_string(&text, response.id);
  }
  text += ",\"outputs\":[";
  std::vector<Buffer> binary;
  bool is_any_binary = false;
  for (const Tensor &tensor : response.outputs) {
    text += text.back() == '[' ? "{\"name\":" : ",{\"name\":";
    append_json_string(&text, tensor.name);
    text += std::string(",\"datatype\":\"") + datatype_name(tensor.datatype) + "\",\"shape\":";
    append_json_shape(&text, tensor.shape);
    if (forms.of(tensor.name)) {
      text += ",\"parameters\":{\"binary_data_size\":" + std::to_string(tensor.bytes.size) + "}}";
      binary.push_back(tensor.bytes);
      is_any_binary = true;
      continue;
    }
    text += ",\"data\":";
    if (!append_json_data(&text, tensor, &error)) return invalid(error);
    text += '}';
  }
  text += "]}";
  *json_bytes = is_any_binary ? text.size() : 0;
  body->push_back(Buffer::of(std::move(text)));
  std::move(binary.begin(), binary.end(), std::back_inserter(*body));
  return {};
}

}  // namespace aoti::server
