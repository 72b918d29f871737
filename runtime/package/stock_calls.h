// The calls of operators in a library that stock AOTInductor made: the JSON that lies beside it (in a package
// NAME.wrapper.json), read without loading anything.
//
// What enters: {"nodes": [{"node": {"target": "mylib::scale", "inputs": [{"name": "x", "arg": {"as_tensor":
// ...}}], "outputs": [{"as_tensor": ...}]}}]}: PyTorch's serialised nodes (torch/_export/serde/schema.py
// of 2.13). What leaves: one `StockCall` each, its arguments as values with holes for what a run brings.
// Which arguments are holes is PyTorch's rule (OSSProxyExecutor): tensors and all integers; each run passes
// the integers in order, and the tensors in order, followed by the results. It is data from a stranger: what
// is of another kind is refused with the argument's name.
#ifndef RUNTIME_PACKAGE_STOCK_CALLS_H_
#define RUNTIME_PACKAGE_STOCK_CALLS_H_

#include <string>
#include <vector>

#include "aoti/custom_op.h"
#include "runtime/package/bytes.h"

namespace aoti {

struct StockValue {
  enum Source { kFixed, kTensorOfRun, kIntOfRun };

  AotiOpValueKind kind = AOTI_OP_NONE;
  Source source = kFixed;
  int32_t flags = 0;
  int64_t i64 = 0;
  double f64 = 0;
  std::string text;
  std::vector<StockValue> items;  // of a list
};

struct StockCall {
  std::string target;                  // "mylib::scale"
  std::vector<std::string> arg_names;  // in the order of the schema
  std::vector<StockValue> args;
  std::vector<int64_t> result_lengths;  // -1 for a tensor, else how many tensors the list has
  int64_t num_tensors = 0, num_ints = 0, num_outputs = 0, num_items = 0;  // holes, results, items of lists
};

// False with a message in *error.
bool read_stock_calls(const Bytes &json, std::vector<StockCall> *calls, std::string *error);

}  // namespace aoti

#endif  // RUNTIME_PACKAGE_STOCK_CALLS_H_
