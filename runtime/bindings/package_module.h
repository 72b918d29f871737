// The part of the Python module that is about packages, sessions and weights in files.
#ifndef RUNTIME_BINDINGS_PACKAGE_MODULE_H_
#define RUNTIME_BINDINGS_PACKAGE_MODULE_H_

#include <pybind11/pybind11.h>

namespace aoti {

// Adds Package, session and update_constants_from_file, after Model was added.
void define_package(pybind11::module_ *module);

}  // namespace aoti

#endif  // RUNTIME_BINDINGS_PACKAGE_MODULE_H_
