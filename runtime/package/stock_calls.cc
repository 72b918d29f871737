#include "runtime/package/stock_calls.h"

#include <charconv>

#include "runtime/package/json.h"

namespace aoti {
namespace {

template <class T>
bool to_number(const Json &json, T *value) {
  if (json.kind != Json::kNumber) return false;
  const char *begin = json.text.data(), *end = begin + json.text.size();
  const auto result = std::from_chars(begin, end, *value);
  return result.ec == std::errc() && result.ptr == end;
}

// PyTorch's serialised dtypes as the numbers of the shim; -1 for those that neither has.
int64_t dtype_of_serialized(int64_t number) {
  constexpr int64_t kBoolSerialized = 12, kBfloat16Serialized = 13;
  if (number >= 1 && number <= kBoolSerialized) return number - 1;  // uint8 to bool: one more than the shim's
  return number == kBfloat16Serialized ? AOTI_DTYPE_BFLOAT16 : -1;
}

// Reads one node; every function gives false after writing *error_.
class CallReader {
 public:
  CallReader(StockCall *call, std::string *error) : call_(call), error_(error) {}

  bool read(const Json &node) {
    const Json *target = node.find("target"), *inputs = node.find("inputs"), *outputs = node.find("outputs");
    if (target == nullptr || target->kind != Json::kString || inputs == nullptr ||
        inputs->kind != Json::kArray || outputs == nullptr || outputs->kind != Json::kArray) {
      return fail("expected target, inputs and outputs");
    }
    call_->target = target->text;
    for (const Json &input : inputs->items) {
      const Json *name = input.find("name"), *arg = input.find("arg");
      if (name == nullptr || name->kind != Json::kString || arg == nullptr)
        return fail("an input without a name or value");
      call_->arg_names.push_back(name->text);
      call_->args.emplace_back();
      if (!read_value(*arg, &call_->args.back()))
        return fail("argument '" + name->text + "' is of a kind that only libtorch passes" + kind_of(*arg));
    }
    for (const Json &output : outputs->items) {
      if (!read_output(output))
        return fail("a result is of a kind that only libtorch passes" + kind_of(output));
    }
    return true;
  }

 private:
  bool fail(const std::string &why) {
    *error_ = (call_->target.empty() ? "an operator" : call_->target) + ": " + why;
    return false;
  }

  static std::string kind_of(const Json &json) {
    return json.kind == Json::kObject && !json.members.empty() ? " (" + json.members[0].first + ")" : "";
  }

  bool tensor_of_run(StockValue *value) {
    value->kind = AOTI_OP_TENSOR;
    value->source = StockValue::kTensorOfRun;
    call_->num_tensors += 1;
    return true;
  }

  bool int_of_run(StockValue *value) {
    value->kind = AOTI_OP_INT;
    value->source = StockValue::kIntOfRun;
    call_->num_ints += 1;
    return true;
  }

  // An empty list, too, must be of a kind whose items could be passed.
  static bool is_list(const std::string &kind) {
    for (const char *known : {"as_tensors", "as_optional_tensors", "as_ints", "as_sym_ints", "as_floats",
                              "as_bools", "as_strings"}) {
      if (kind == known) return true;
    }
    return false;
  }

  // An item of a list, by the list's kind.
  bool read_item(const std::string &kind, const Json &json, StockValue *value) {
    if (kind == "as_tensors") return tensor_of_run(value);
    if (kind == "as_ints" || kind == "as_sym_ints") return int_of_run(value);
    if (kind == "as_optional_tensors") {
      value->flags = AOTI_OP_OPTION;
      return json.find("as_tensor") != nullptr ? tensor_of_run(value) : json.find("as_none") != nullptr;
    }
    if (kind == "as_floats") return read_scalar("as_float", json, value);
    if (kind == "as_bools") return read_scalar("as_bool", json, value);
    if (kind == "as_strings") return read_scalar("as_string", json, value);
    return false;
  }

  bool read_scalar(const std::string &kind, const Json &json, StockValue *value) {
    if (kind == "as_float") {
      value->kind = AOTI_OP_FLOAT;
      return to_number(json, &value->f64);
    }
    if (kind == "as_bool") {
      value->kind = AOTI_OP_BOOL;
      value->i64 = json.boolean;
      return json.kind == Json::kBool;
    }
    if (kind == "as_string") {
      value->kind = AOTI_OP_STRING;
      value->text = json.text;
      return json.kind == Json::kString;
    }
    if (kind == "as_scalar_type") {
      value->kind = AOTI_OP_INT;
      int64_t number = 0;
      if (!to_number(json, &number)) return false;
      value->i64 = dtype_of_serialized(number);
      return value->i64 >= 0;
    }
    return kind == "as_device" && read_device(json, value);
  }

  static bool read_device(const Json &json, StockValue *value) {
    const Json *type = json.find("type"), *index = json.find("index");
    int64_t number = 0;
    if (type == nullptr || type->kind != Json::kString) return false;
    value->kind = AOTI_OP_STRING;
    value->flags = AOTI_OP_DEVICE;
    value->text = type->text;
    if (index == nullptr || index->kind == Json::kNull) return true;
    if (!to_number(*index, &number)) return false;
    value->text += ":" + std::to_string(number);
    return true;
  }

  bool read_value(const Json &arg, StockValue *value) {
    if (arg.kind != Json::kObject || arg.members.size() != 1) return false;
    const std::string &kind = arg.members[0].first;
    const Json &json = arg.members[0].second;
    if (kind == "as_none") return true;
    if (kind == "as_tensor") return tensor_of_run(value);
    if (kind == "as_int" || kind == "as_sym_int") return int_of_run(value);
    if (kind == "as_optional_tensor") return read_item("as_optional_tensors", json, value);
    if (!is_list(kind)) return read_scalar(kind, json, value);
    if (json.kind != Json::kArray) return false;
    value->kind = AOTI_OP_LIST;
    for (const Json &item : json.items) {
      value->items.emplace_back();
      if (!read_item(kind, item, &value->items.back())) return false;
    }
    call_->num_items += static_cast<int64_t>(json.items.size());
    return true;
  }

  bool read_output(const Json &output) {
    const Json *list = output.find("as_tensors");
    if (list == nullptr && output.find("as_tensor") == nullptr) return false;
    if (list != nullptr && list->kind != Json::kArray) return false;
    call_->result_lengths.push_back(list == nullptr ? -1 : static_cast<int64_t>(list->items.size()));
    call_->num_outputs += list == nullptr ? 1 : call_->result_lengths.back();
    return true;
  }

  StockCall *const call_;
  std::string *const error_;
};

}  // namespace

bool read_stock_calls(const Bytes &bytes, std::vector<StockCall> *calls, std::string *error) {
  Json json;
  if (!parse_json(bytes, &json, error)) return false;
  const Json *nodes = json.find("nodes");
  if (nodes == nullptr || nodes->kind != Json::kArray) {
    *error = "no list of nodes: not what AOTInductor writes of a library's operators";
    return false;
  }
  calls->clear();
  for (const Json &entry : nodes->items) {
    const Json *node = entry.find("node");
    calls->emplace_back();
    if (node == nullptr) {
      *error = "node " + std::to_string(calls->size() - 1) + " is empty";
      return false;
    }
    if (!CallReader(&calls->back(), error).read(*node)) return false;
  }
  return true;
}

}  // namespace aoti
