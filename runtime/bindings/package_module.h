// The part of the Python module that is about packages, sessions, weights in files and signatures.
#ifndef RUNTIME_BINDINGS_PACKAGE_MODULE_H_
#define RUNTIME_BINDINGS_PACKAGE_MODULE_H_

#include <pybind11/pybind11.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/package/file_check.h"

namespace aoti {

// Adds Package, session and update_constants_from_file, after Model was added.
void define_package(pybind11::module_ *module);

// The check by the keys of these files; null where there are none. Throws Error.
std::shared_ptr<const FileCheck> check_by(const std::vector<std::string> &public_keys);

}  // namespace aoti

#endif  // RUNTIME_BINDINGS_PACKAGE_MODULE_H_
