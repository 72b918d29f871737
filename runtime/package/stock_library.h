// The table of functions for a library that stock AOTInductor made: found by name, since it has no table of
// its own.
#ifndef RUNTIME_PACKAGE_STOCK_LIBRARY_H_
#define RUNTIME_PACKAGE_STOCK_LIBRARY_H_

#include <string>

#include "aoti/model_api.h"
#include "runtime/package/bytes.h"

namespace aoti {

// `library` and `libtorch` are handles of dlopen: the model library and the libtorch_cpu.so that it is bound
// to. False with a message that lists all missing functions. The table's last_error asks every stock library
// of the process for the calling thread's last failure.
bool stock_model_api(void *library, void *libtorch, AotiModelApi *ret_api, std::string *error);

// Copies `weights`, the file that AOTInductor wrote for its weights ("binary_blob"), into a new container.
// False with a message where the library has no place for them, or for another number of bytes.
bool give_stock_weights(void *library, const AotiModelApi &api, AOTInductorModelContainerHandle container,
                        const Bytes &weights, std::string *error);

// To be called before `library` is closed.
void forget_stock_library(void *library);

}  // namespace aoti

#endif  // RUNTIME_PACKAGE_STOCK_LIBRARY_H_
