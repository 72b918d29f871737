#include "runtime/package/stock_executor.h"

#include <stdio.h>
#include <string.h>

#include <algorithm>
#include <new>
#include <set>

namespace aoti {
namespace {

// The place of the quote that ends the text, an argument's default, which begins at `i`.
size_t end_of_text(const std::string &schema, size_t i) {
  const char quote = schema[i];
  while (++i < schema.size() && schema[i] != quote) i += schema[i] == '\\';
  return i;
}

// The names of a schema's arguments: "ns::op(Tensor x, *, float factor=1.0) -> Tensor" gives x, factor.
std::vector<std::string> argument_names(const std::string &schema) {
  std::vector<std::string> names;
  int depth = 0;
  std::string argument;
  for (size_t i = std::min(schema.find('('), schema.size() - 1); i < schema.size(); ++i) {
    const char c = schema[i];
    if (c == '"' || c == '\'') {
      i = end_of_text(schema, i);
      continue;
    }
    depth += (c == '(' || c == '[') - (c == ')' || c == ']');
    if (depth == 1 && c == '(') continue;
    if ((c == ',' && depth == 1) || depth == 0) {
      argument = argument.substr(0, argument.find('='));
      const size_t end = argument.find_last_not_of(' ');
      const size_t begin = end == std::string::npos ? end : argument.find_last_of(' ', end);
      const std::string name = begin == std::string::npos ? "" : argument.substr(begin + 1, end - begin);
      if (!name.empty() && name != "*") names.push_back(name);
      argument.clear();
      if (depth == 0) break;
      continue;
    }
    argument.push_back(c);
  }
  return names;
}

// Fills values for one call, taking holes in order.
class Filler {
 public:
  Filler(const int64_t *ints, const AtenTensorHandle *tensors, AotiOpValue *items)
      : ints_(ints), tensors_(tensors), items_(items) {}

  AotiOpValue fill(const StockValue &from) {
    AotiOpValue value = {from.kind, from.flags, 0, {}};
    if (from.source == StockValue::kTensorOfRun) {
      value.value.tensor = *tensors_++;
    } else if (from.source == StockValue::kIntOfRun) {
      value.value.i64 = *ints_++;
    } else if (from.kind == AOTI_OP_FLOAT) {
      value.value.f64 = from.f64;
    } else if (from.kind == AOTI_OP_STRING) {
      value.value.string = from.text.c_str();
    } else if (from.kind == AOTI_OP_LIST) {
      AotiOpValue *const first = items_;
      items_ += from.items.size();
      for (size_t i = 0; i < from.items.size(); ++i) first[i] = fill(from.items[i]);
      value.count = static_cast<int64_t>(from.items.size());
      value.value.list = first;
    } else {
      value.value.i64 = from.i64;
    }
    return value;
  }

 private:
  const int64_t *ints_;
  const AtenTensorHandle *tensors_;
  AotiOpValue *items_;
};

}  // namespace

std::unique_ptr<StockExecutor> StockExecutor::create(const Bytes &json,
                                                     const std::vector<std::string> &op_libraries,
                                                     const FileCheck *check, std::string *error) {
  std::unique_ptr<StockExecutor> made(new StockExecutor);
  return made->libraries_.open(op_libraries, check, error) && read_stock_calls(json, &made->calls_, error) &&
                 made->bind(error)
             ? std::move(made)
             : nullptr;
}

bool StockExecutor::bind(std::string *error) {
  std::string missing;
  std::set<std::string> lines;  // an operator that is called twice is named once
  for (const StockCall &call : calls_) {
    const AotiOpRegistration *found = libraries_.find(call.target);
    kernels_.push_back(found);
    if (found != nullptr && argument_names(found->schema) == call.arg_names) continue;
    std::string line = "\n  " + call.target;
    if (found != nullptr) {
      line += ": the package passes (";
      for (const std::string &name : call.arg_names) line += (line.back() == '(' ? "" : ", ") + name;
      line += std::string("), the kernel is for ") + found->schema;
    }
    lines.insert(line);
  }
  for (const std::string &line : lines) missing += line;
  if (missing.empty()) return true;
  *error =
      "calls operators for which no library of operators has a kernel:" + missing +
      "\nGive LoadOptions::op_libraries (in Python op_libraries) one that registers them (aoti/custom_op.h, "
      "//shim:op_library), or run the model in a process with libtorch.";
  return false;
}

AOTITorchError StockExecutor::call(const AotiProxyExecutor *self, int64_t node, int64_t num_ints,
                                   const int64_t *ints, int64_t num_tensors, const AtenTensorHandle *tensors,
                                   char *message, size_t message_bytes) {
  try {
    return reinterpret_cast<const Base *>(self)->owner->run(node, num_ints, ints, num_tensors, tensors,
                                                            message, message_bytes);
  } catch (const std::bad_alloc &) {
    snprintf(message, message_bytes, "no memory for the arguments of operator number %lld",
             static_cast<long long>(node));
    return AOTI_TORCH_FAILURE;
  }
}

AOTITorchError StockExecutor::run(int64_t node, int64_t num_ints, const int64_t *ints, int64_t num_tensors,
                                  const AtenTensorHandle *tensors, char *message,
                                  size_t message_bytes) const {
  if (node < 0 || node >= static_cast<int64_t>(calls_.size())) {
    snprintf(message, message_bytes, "the package describes %zu operators, the library calls number %lld",
             calls_.size(), static_cast<long long>(node));
    return AOTI_TORCH_FAILURE;
  }
  const StockCall &call = calls_[static_cast<size_t>(node)];
  if (num_ints != call.num_ints || num_tensors != call.num_tensors + call.num_outputs) {
    snprintf(message, message_bytes,
             "operator %s is given %lld integers and %lld tensors; its package describes %lld and %lld with "
             "the results",
             call.target.c_str(), static_cast<long long>(num_ints), static_cast<long long>(num_tensors),
             static_cast<long long>(call.num_ints),
             static_cast<long long>(call.num_tensors + call.num_outputs));
    return AOTI_TORCH_FAILURE;
  }
  std::vector<AotiOpValue> values(call.args.size() + static_cast<size_t>(call.num_items));
  std::vector<AtenTensorHandle> outputs(tensors + call.num_tensors, tensors + num_tensors);
  Filler filler(ints, tensors, values.data() + call.args.size());
  for (size_t i = 0; i < call.args.size(); ++i) values[i] = filler.fill(call.args[i]);
  const AotiOpRegistration &op = *kernels_[static_cast<size_t>(node)];
  char why[512] = "";
  const AotiOpCall given = {sizeof given,
                            0,
                            op.schema,
                            values.data(),
                            static_cast<int64_t>(call.args.size()),
                            outputs.data(),
                            call.num_outputs,
                            why,
                            sizeof why,
                            call.result_lengths.data(),
                            static_cast<int64_t>(call.result_lengths.size())};
  if (op.kernel(&given) == AOTI_TORCH_SUCCESS) return AOTI_TORCH_SUCCESS;
  why[sizeof why - 1] = '\0';
  snprintf(message, message_bytes, "operator %s failed%s%s", call.target.c_str(), why[0] != '\0' ? ": " : "",
           why);
  return AOTI_TORCH_FAILURE;
}

}  // namespace aoti
