// Loads a model library into a running program: ours of any flavour, or one that stock AOTInductor made.
//
//   std::string error;
//   std::unique_ptr<aoti::LoadedLibrary> library = aoti::load_library("libmy_model_aoti.so", {}, &error);
//   if (library == nullptr) { fprintf(stderr, "%s\n", error.c_str()); return 1; }
//   AOTInductorModelContainerHandle model;
//   if (library->api().create_with_device(&model, 1, "cpu", nullptr) != 0) puts(library->api().last_error());
//
// What is refused, with a sentence that says what to do: a missing or damaged file, no ELF, another
// processor's, a library without a model in it, one of another ABI version (both numbers, and which side to
// rebuild), one whose imports nobody here provides, or a stock one that calls operators without a kernel (all
// of them are listed).
//
// Which libtorch: a library that needs libtorch_cpu.so (stock, or built with shim = "torch") binds to the
// real one when the process has it loaded, else to the lean stand-in in LoadOptions::compat_directory. Once
// the stand-in is loaded, the real libtorch cannot be loaded into the same process (the names collide):
// import torch first, if it is to be used.
#ifndef RUNTIME_PACKAGE_LOADER_H_
#define RUNTIME_PACKAGE_LOADER_H_

#include <memory>
#include <string>
#include <vector>

#include "aoti/model_api.h"
#include "runtime/package/bytes.h"
#include "runtime/package/file_check.h"
#include "runtime/package/shared_object.h"

namespace aoti {

class StockExecutor;

struct LoadOptions {
  // Where what the library needs is looked for: libaoti_shim.so, torch_compat. Empty: the library's own
  // folder; a library without a folder then finds only what the process has loaded.
  std::string directory;
  // Where //shim:torch_compat's libraries are. Empty: the environment variable AOTI_TORCH_COMPAT, else the
  // folder torch_compat in `directory`.
  std::string compat_directory;
  // Shared libraries with kernels for operators that a library of stock AOTInductor calls by name
  // (op_library.h).
  std::vector<std::string> op_libraries;
  // The JSON with those calls, borrowed for the length of the load. Empty: the file NAME.json beside NAME.so.
  Bytes op_calls;
  // Asked of every file that is loaded or read: the library, the file with its calls, op_libraries, and what
  // it needs where that lies in `directory` or `compat_directory` (not of what the process has loaded
  // already, nor of what the dynamic linker finds in the system's folders). A library that takes its weights
  // from a file beside it is refused: in a package they are checked, too. Null: no file is checked.
  std::shared_ptr<const FileCheck> check;
  // What came with the library for `check`, borrowed for the length of the load. Empty: the file PATH.sig.
  Bytes signature;
  // The library is a part of what has been checked as a whole: only the other files are left to be checked.
  bool library_is_checked = false;
};

// A loaded library. Closing it while a container of it lives is an error of the caller's.
class LoadedLibrary {
 public:
  ~LoadedLibrary();
  LoadedLibrary(const LoadedLibrary &) = delete;
  LoadedLibrary &operator=(const LoadedLibrary &) = delete;

  // Lives as long as this object. Thread-safe. A copy of the library's own table: fields that a library of an
  // earlier release does not have are null.
  const AotiModelApi &api() const { return api_; }
  // True for a library that stock AOTInductor made: api().desc is null, and inputs are not checked by it.
  bool is_stock() const { return is_stock_; }
  const std::string &path() const { return path_; }
  // Copies the weights into a new container of a stock library that was compiled with its weights outside
  // (a package has them beside it). False with a message when they are not its weights.
  bool give_weights(AOTInductorModelContainerHandle container, const Bytes &weights,
                    std::string *error) const;
  // What runs of this library's containers are to be given: who calls its operators (aoti/proxy_executor.h).
  // Null where it calls none by name, as no library of this compiler does. Lives as long as this object.
  AOTIProxyExecutorHandle proxy_executor() const;

 private:
  friend class LibraryLoader;
  explicit LoadedLibrary(const std::string &path);

  std::string path_;
  bool is_stock_ = false;
  std::unique_ptr<StockExecutor> executor_;  // its libraries are closed after the model's
  SharedObject object_;
  AotiModelApi api_ = {};
};

// Null with a message in *error (not null) on failure. Thread-safe.
std::unique_ptr<LoadedLibrary> load_library(const std::string &path, const LoadOptions &options,
                                            std::string *error);

// The same for an open file, which stays the caller's and may be closed afterwards, and for bytes in memory,
// which are copied. `name` takes the place of the path. Nothing is written to a disk.
std::unique_ptr<LoadedLibrary> load_library_from_descriptor(int descriptor, const std::string &name,
                                                            const LoadOptions &options, std::string *error);
std::unique_ptr<LoadedLibrary> load_library_from_memory(const Bytes &library, const std::string &name,
                                                        const LoadOptions &options, std::string *error);

}  // namespace aoti

#endif  // RUNTIME_PACKAGE_LOADER_H_
