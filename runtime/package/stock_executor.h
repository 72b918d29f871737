// Calls the operators of a library that stock AOTInductor made, in a process without libtorch: the object
// behind its AOTIProxyExecutorHandle (aoti/proxy_executor.h).
//
// Enters: the calls that its package describes (stock_calls.h), and libraries of kernels (op_library.h). All
// operators without a kernel, and kernels whose arguments have other names, are listed when it is made.
#ifndef RUNTIME_PACKAGE_STOCK_EXECUTOR_H_
#define RUNTIME_PACKAGE_STOCK_EXECUTOR_H_

#include <memory>
#include <string>
#include <vector>

#include "aoti/proxy_executor.h"
#include "runtime/package/op_library.h"
#include "runtime/package/stock_calls.h"

namespace aoti {

class StockExecutor {
 public:
  // `json` is read here and not kept; `check`, which may be null, is asked of op_libraries. Null with a
  // message.
  static std::unique_ptr<StockExecutor> create(const Bytes &json,
                                               const std::vector<std::string> &op_libraries,
                                               const FileCheck *check, std::string *error);

  AOTIProxyExecutorHandle handle() { return reinterpret_cast<AOTIProxyExecutorHandle>(&base_); }

 private:
  // The C struct that the shim sees, and its owner. Standard layout: the struct is found again from its
  // address.
  struct Base {
    AotiProxyExecutor c;
    const StockExecutor *owner;
  };

  StockExecutor() = default;
  bool bind(std::string *error);
  static AOTITorchError call(const AotiProxyExecutor *self, int64_t node, int64_t num_ints,
                             const int64_t *ints, int64_t num_tensors, const AtenTensorHandle *tensors,
                             char *message, size_t message_bytes);
  AOTITorchError run(int64_t node, int64_t num_ints, const int64_t *ints, int64_t num_tensors,
                     const AtenTensorHandle *tensors, char *message, size_t message_bytes) const;

  Base base_ = {{AOTI_PROXY_EXECUTOR_MARK, call}, this};
  OpLibraries libraries_;
  std::vector<StockCall> calls_;
  std::vector<const AotiOpRegistration *> kernels_;  // of each call
};

}  // namespace aoti

#endif  // RUNTIME_PACKAGE_STOCK_EXECUTOR_H_
