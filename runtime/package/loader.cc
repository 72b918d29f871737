#include "runtime/package/loader.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/package/elf_file.h"
#include "runtime/package/stock_executor.h"
#include "runtime/package/stock_library.h"

namespace aoti {
namespace {

constexpr char kLibtorch[] = "libtorch_cpu.so";
constexpr char kCallOfOperator[] = "aoti_torch_proxy_executor_call_function";
constexpr char kSharedShim[] = "libaoti_shim.so";
// The stand-ins that are loaded beside libtorch_cpu.so when a library asks for them.
const char *const kCompanions[] = {"libgomp.so.1", "libtorch.so", "libc10.so"};

bool contains(const std::vector<std::string> &names, const std::string &name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool starts_with(const std::string &text, const char *prefix) { return text.rfind(prefix, 0) == 0; }

std::string directory_of(const std::string &path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string compat_directory(const LoadOptions &options) {
  if (!options.compat_directory.empty()) return options.compat_directory;
  const char *environment = getenv("AOTI_TORCH_COMPAT");
  if (environment != nullptr && environment[0] != '\0') return environment;
  return options.directory + "/torch_compat";
}

std::string dl_message() {
  const char *message = dlerror();
  return message != nullptr ? message : "no reason given";
}

// The libtorch_cpu.so of the process: the real one, or the stand-in, which stays loaded. Null with a message.
void *find_libtorch(const std::string &path, const ElfFile &file, const LoadOptions &options,
                    std::string *error) {
  void *loaded = dlopen(kLibtorch, RTLD_LAZY | RTLD_NOLOAD);
  if (loaded != nullptr) return loaded;
  const std::string directory = compat_directory(options);
  for (const char *companion : kCompanions) {
    const std::string stand_in = directory + "/" + companion;
    if (!contains(file.needed, companion) || access(stand_in.c_str(), R_OK) != 0) continue;
    if (dlopen(stand_in.c_str(), RTLD_NOW | RTLD_LOCAL) == nullptr) {
      *error = dl_message();
      return nullptr;
    }
  }
  void *handle = dlopen((directory + "/" + kLibtorch).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    *error =
        path +
        ": needs libtorch_cpu.so, which this process has not loaded, and the lean stand-in cannot be loaded "
        "either (" +
        dl_message() +
        "). Load libtorch first (in Python: import torch), or set AOTI_TORCH_COMPAT to the "
        "folder with the libraries of //shim:torch_compat.";
  }
  return handle;
}

// All functions of libtorch that the library imports and `libtorch` lacks.
std::string missing_imports(const ElfFile &file, void *libtorch) {
  std::string missing;
  for (const std::string &name : file.imported) {
    if (!starts_with(name, "aoti_") && !starts_with(name, "torch_") && !starts_with(name, "Sleef_")) continue;
    if (dlsym(libtorch, name.c_str()) == nullptr) missing += "\n  " + name;
  }
  return missing;
}

bool check_versions(const std::string &path, const AotiModelApi *api, std::string *error) {
  if (api == nullptr) {
    *error = path + ": aoti_model_api() returned null; build the library again";
    return false;
  }
  if (api->abi_version == AOTI_MODEL_ABI_VERSION && api->struct_size >= AOTI_MODEL_API_FIRST_SIZE)
    return true;
  const bool library_is_older = api->abi_version <= AOTI_MODEL_ABI_VERSION;
  *error = path + ": has version " + std::to_string(api->abi_version) + " of the model ABI (table of " +
           std::to_string(api->struct_size) + " bytes); this program expects version " +
           std::to_string(AOTI_MODEL_ABI_VERSION) + " (at least " +
           std::to_string(AOTI_MODEL_API_FIRST_SIZE) + " bytes). " +
           (library_is_older ? "Compile the model again with the compiler of this program's release."
                             : "Rebuild this program with the release that compiled the model.");
  return false;
}

// Loads what the library needs before it is loaded itself. *libtorch stays null when it needs no libtorch.
bool load_dependencies(const std::string &path, const ElfFile &file, const LoadOptions &options,
                       void **libtorch, std::string *error) {
  if (contains(file.needed, kSharedShim)) {
    // Beside the model is where it is usually put; failing that, the dynamic linker's own search finds it or
    // says so.
    dlopen((options.directory + "/" + kSharedShim).c_str(), RTLD_NOW | RTLD_LOCAL);
  }
  const bool wants_libtorch =
      contains(file.needed, kLibtorch) ||
      (!contains(file.needed, kSharedShim) &&
       std::any_of(file.imported.begin(), file.imported.end(),
                   [](const std::string &name) { return starts_with(name, "aoti_torch_"); }));
  if (!wants_libtorch) return true;
  *libtorch = find_libtorch(path, file, options, error);
  if (*libtorch == nullptr) return false;
  const std::string missing = missing_imports(file, *libtorch);
  if (missing.empty()) return true;
  *error = path + ": imports functions that the libtorch_cpu.so of this process does not have:" + missing +
           "\nThe lean stand-in has only what simple models need: run this one in a process with the "
           "libtorch that it was "
           "compiled for.";
  return false;
}

}  // namespace

// The steps of one load. `name` begins every message.
class LibraryLoader {
 public:
  LibraryLoader(const std::string &name, const LoadOptions &options, std::string *error)
      : name_(name), options_(options), error_(error) {}

  // The library that the linker finds at `path`, whose bytes are `bytes`; `file` is kept with it.
  std::unique_ptr<LoadedLibrary> load(const Bytes &bytes, const std::string &path, MemoryFile file) {
    ElfFile elf;
    if (!read_elf(bytes, name_, &elf, error_)) return nullptr;
    const bool is_ours = contains(elf.exported, "aoti_model_api");
    if (!is_ours && !contains(elf.exported, "AOTInductorModelContainerRun")) {
      *error_ = name_ +
                ": a library without a model in it (it exports neither aoti_model_api nor "
                "AOTInductorModelContainerRun); expected what aoti_cc_library or AOTInductor built";
      return nullptr;
    }
    void *libtorch = nullptr;
    if (!load_dependencies(name_, elf, options_, &libtorch, error_)) return nullptr;
    // Made first: once the library is loaded, nothing may fail before it has an owner.
    std::unique_ptr<LoadedLibrary> library(new LoadedLibrary(name_, std::move(file)));
    if (!is_ours && !bind_operators(elf, libtorch, library.get())) return nullptr;
    library->handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library->handle_ == nullptr) {
      *error_ = "cannot load the model library " + name_ + ": " + dl_message();
      return nullptr;
    }
    return (is_ours ? find_own(library.get()) : find_stock(libtorch, library.get())) ? std::move(library)
                                                                                     : nullptr;
  }

 private:
  // Before the library is loaded: who calls the operators that it calls by name.
  bool bind_operators(const ElfFile &elf, void *libtorch, LoadedLibrary *library) {
    if (!contains(elf.imported, kCallOfOperator)) return true;
    if (libtorch == nullptr || dlsym(libtorch, "aoti_torch_get_last_error") == nullptr) {
      *error_ = name_ +
                ": calls operators through the proxy executor of libtorch, which only PyTorch's own loader "
                "can make; load it "
                "with that, or in a process without libtorch";
      return false;
    }
    FileMap beside;
    Bytes calls = options_.op_calls;
    if (calls.size == 0) {
      const std::string path = name_.substr(0, name_.rfind(".so")) + ".json";
      std::string why;
      if (!beside.open(path, "the operators that a library calls", &why)) {
        *error_ = name_ +
                  ": calls operators through PyTorch's proxy executor, and the file beside it that says "
                  "which cannot be read: " +
                  why;
        return false;
      }
      calls = beside.bytes();
    }
    library->executor_ = StockExecutor::create(calls, options_.op_libraries, error_);
    if (library->executor_ == nullptr) *error_ = name_ + ": " + *error_;
    return library->executor_ != nullptr;
  }

  bool find_own(LoadedLibrary *library) {
    const auto get_api =
        reinterpret_cast<const AotiModelApi *(*)()>(dlsym(library->handle_, "aoti_model_api"));
    const AotiModelApi *api = get_api();
    if (!check_versions(name_, api, error_)) return false;
    // A library of an earlier release has a shorter table: what it lacks is null here.
    memcpy(&library->api_, api, std::min<size_t>(api->struct_size, sizeof(AotiModelApi)));
    return true;
  }

  bool find_stock(void *libtorch, LoadedLibrary *library) {
    library->is_stock_ = true;
    if (stock_model_api(library->handle_, libtorch != nullptr ? libtorch : RTLD_DEFAULT, &library->api_,
                        error_)) {
      return true;
    }
    *error_ = name_ + ": " + *error_;
    return false;
  }

  const std::string name_;
  const LoadOptions options_;
  std::string *const error_;
};

LoadedLibrary::LoadedLibrary(const std::string &path, MemoryFile file)
    : path_(path), file_(std::move(file)) {}

AOTIProxyExecutorHandle LoadedLibrary::proxy_executor() const {
  return executor_ != nullptr ? executor_->handle() : nullptr;
}

LoadedLibrary::~LoadedLibrary() {
  if (handle_ == nullptr) return;
  if (is_stock_) forget_stock_library(handle_);
  dlclose(handle_);
  if (file_.descriptor() < 0) return;
  // The linker knows libraries by path: while this one stays (something still uses it), so must its number.
  void *still = dlopen(file_.path().c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (still == nullptr) return;
  dlclose(still);
  file_.leak();
}

std::unique_ptr<LoadedLibrary> load_library(const std::string &given_path, const LoadOptions &given,
                                            std::string *error) {
  // A name without a slash would be searched for in system folders.
  const std::string path = given_path.find('/') == std::string::npos ? "./" + given_path : given_path;
  LoadOptions options = given;
  if (options.directory.empty()) options.directory = directory_of(path);
  FileMap map;
  if (!map.open(path, "a model library", error)) return nullptr;
  return LibraryLoader(path, options, error).load(map.bytes(), path, MemoryFile());
}

std::unique_ptr<LoadedLibrary> load_library_from_descriptor(int descriptor, const std::string &name,
                                                            const LoadOptions &options, std::string *error) {
  MemoryFile file;
  FileMap map;
  if (!file.duplicate(descriptor, name, error) ||
      !map.open(file.descriptor(), name, "a model library", error)) {
    return nullptr;
  }
  const std::string path = file.path();
  return LibraryLoader(name, options, error).load(map.bytes(), path, std::move(file));
}

std::unique_ptr<LoadedLibrary> load_library_from_memory(const Bytes &library, const std::string &name,
                                                        const LoadOptions &options, std::string *error) {
  MemoryFile file;
  return file.create(library, name, error)
             ? load_library_from_descriptor(file.descriptor(), name, options, error)
             : nullptr;
}

}  // namespace aoti
