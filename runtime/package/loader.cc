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

constexpr char kWhat[] = "a model library";
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

// Loads what a library needs, which stays loaded. Null with a message.
void *load_for_good(const std::string &path, const LoadOptions &options, std::string *error) {
  SharedObject object;
  if (!object.open_checked(path, options.check.get(), error)) return nullptr;
  void *const handle = object.handle();
  object.leak();
  return handle;
}

// The shared shim beside the model, where it is usually put. Failing that, the dynamic linker's own search
// finds one or says so; false with a message when this one was checked and refused.
bool load_shared_shim(const LoadOptions &options, std::string *error) {
  const std::string path = options.directory + "/" + kSharedShim;
  if (options.check == nullptr) {
    dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    return true;
  }
  // The linker tells a copy in memory from another by its place: one is enough for a process.
  if (dlopen(kSharedShim, RTLD_LAZY | RTLD_NOLOAD) != nullptr || access(path.c_str(), F_OK) != 0) return true;
  return load_for_good(path, options, error) != nullptr;
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
    if (load_for_good(stand_in, options, error) == nullptr) return nullptr;
  }
  std::string why;
  void *handle = load_for_good(directory + "/" + kLibtorch, options, &why);
  if (handle == nullptr) {
    *error =
        path +
        ": needs libtorch_cpu.so, which this process has not loaded, and the lean stand-in cannot be loaded "
        "either (" +
        why +
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
  if (contains(file.needed, kSharedShim) && !load_shared_shim(options, error)) return false;
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
    std::unique_ptr<LoadedLibrary> library(new LoadedLibrary(name_));
    if (!is_ours && !bind_operators(elf, libtorch, library.get())) return nullptr;
    std::string why;
    if (!library->object_.open(path, std::move(file), &why)) {
      *error_ = "cannot load the model library " + name_ + ": " + why;
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
    CheckedFile beside;
    Bytes calls = options_.op_calls;
    if (calls.size == 0) {
      std::string why;
      if (!open_calls(&beside, &why)) {
        *error_ = name_ +
                  ": calls operators through PyTorch's proxy executor, and the file beside it that says "
                  "which cannot be read: " +
                  why;
        return false;
      }
      calls = beside.map.bytes();
    }
    library->executor_ = StockExecutor::create(calls, options_.op_libraries, options_.check.get(), error_);
    if (library->executor_ == nullptr) *error_ = name_ + ": " + *error_;
    return library->executor_ != nullptr;
  }

  // NAME.json beside NAME.so.
  bool open_calls(CheckedFile *file, std::string *why) const {
    constexpr char kWhat[] = "the operators that a library calls";
    const std::string path = name_.substr(0, name_.rfind(".so")) + ".json";
    return options_.check == nullptr ? file->map.open(path, kWhat, why)
                                     : file->open(path, kWhat, *options_.check, Bytes(), why);
  }

  bool find_own(LoadedLibrary *library) {
    const auto get_api =
        reinterpret_cast<const AotiModelApi *(*)()>(dlsym(library->object_.handle(), "aoti_model_api"));
    const AotiModelApi *api = get_api();
    if (!check_versions(name_, api, error_)) return false;
    // A library of an earlier release has a shorter table: what it lacks is null here.
    memcpy(&library->api_, api, std::min<size_t>(api->struct_size, sizeof(AotiModelApi)));
    if (options_.check == nullptr || options_.library_is_checked || api->desc->weights_file == nullptr)
      return true;
    *error_ =
        name_ + ": takes its weights from the file " + api->desc->weights_file +
        " beside it, which no signature of the library covers; put both into a package (aoti_package) and "
        "sign that";
    return false;
  }

  bool find_stock(void *libtorch, LoadedLibrary *library) {
    library->is_stock_ = true;
    if (stock_model_api(library->object_.handle(), libtorch != nullptr ? libtorch : RTLD_DEFAULT,
                        &library->api_, error_)) {
      return true;
    }
    *error_ = name_ + ": " + *error_;
    return false;
  }

  const std::string name_;
  const LoadOptions options_;
  std::string *const error_;
};

LoadedLibrary::LoadedLibrary(const std::string &path) : path_(path) {}

AOTIProxyExecutorHandle LoadedLibrary::proxy_executor() const {
  return executor_ != nullptr ? executor_->handle() : nullptr;
}

bool LoadedLibrary::give_weights(AOTInductorModelContainerHandle container, const Bytes &weights,
                                 std::string *error) const {
  return give_stock_weights(object_.handle(), api_, container, weights, error) ||
         (error->insert(0, path_ + ": "), false);
}

LoadedLibrary::~LoadedLibrary() {
  if (is_stock_) forget_stock_library(object_.handle());
}

namespace {

std::unique_ptr<LoadedLibrary> load_from_memory_file(CheckedFile file, const std::string &name,
                                                     const LoadOptions &options, std::string *error) {
  const std::string path = file.file.path();
  return LibraryLoader(name, options, error).load(file.map.bytes(), path, std::move(file.file));
}

}  // namespace

std::unique_ptr<LoadedLibrary> load_library(const std::string &path, const LoadOptions &given,
                                            std::string *error) {
  LoadOptions options = given;
  if (options.directory.empty()) options.directory = directory_of(path);
  if (options.check != nullptr) {
    CheckedFile file;
    return file.open(path, kWhat, *options.check, options.signature, error)
               ? load_from_memory_file(std::move(file), path, options, error)
               : nullptr;
  }
  FileMap map;
  if (!map.open(path, kWhat, error)) return nullptr;
  return LibraryLoader(path, options, error).load(map.bytes(), path, MemoryFile());
}

std::unique_ptr<LoadedLibrary> load_library_from_descriptor(int descriptor, const std::string &name,
                                                            const LoadOptions &options, std::string *error) {
  CheckedFile file;
  const bool is_open = options.check != nullptr && !options.library_is_checked
                           ? file.open(descriptor, name, kWhat, *options.check, options.signature, error)
                           : file.file.duplicate(descriptor, name, error) &&
                                 file.map.open(file.file.descriptor(), name, kWhat, error);
  return is_open ? load_from_memory_file(std::move(file), name, options, error) : nullptr;
}

std::unique_ptr<LoadedLibrary> load_library_from_memory(const Bytes &library, const std::string &name,
                                                        const LoadOptions &options, std::string *error) {
  MemoryFile file;
  return file.create(library, name, error)
             ? load_library_from_descriptor(file.descriptor(), name, options, error)
             : nullptr;
}

}  // namespace aoti
