// Shared libraries of operators: kernels (aoti/custom_op.h) for models that stock AOTInductor compiled, in a
// process without libtorch. In Bazel a cc_binary with linkshared and //shim:op_library among its deps.
//
//   OpLibraries ops;
//   if (!ops.open({"libmy_ops.so"}, &error)) return false;
//   const AotiOpRegistration *op = ops.find("mylib::scale");
#ifndef RUNTIME_PACKAGE_OP_LIBRARY_H_
#define RUNTIME_PACKAGE_OP_LIBRARY_H_

#include <string>
#include <vector>

#include "aoti/proxy_executor.h"
#include "runtime/package/shared_object.h"

namespace aoti {

class OpLibraries {
 public:
  OpLibraries() = default;
  OpLibraries(const OpLibraries &) = delete;
  OpLibraries &operator=(const OpLibraries &) = delete;

  // Loads them, after the libtorch_cpu.so that they are bound to; `check` may be null. False with a message.
  bool open(const std::vector<std::string> &paths, const FileCheck *check, std::string *error);

  // The operator of that name ("mylib::scale", "mylib::scale.overload"); null when no library has it.
  const AotiOpRegistration *find(const std::string &name) const;

 private:
  std::vector<SharedObject> handles_;
  std::vector<const AotiOpRegistration *> lists_;
};

}  // namespace aoti

#endif  // RUNTIME_PACKAGE_OP_LIBRARY_H_
