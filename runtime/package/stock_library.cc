#include "runtime/package/stock_library.h"

#include <dlfcn.h>

#include <map>
#include <mutex>

namespace aoti {
namespace {

using GetLastError = AOTIRuntimeError (*)(const char **);

// Libraries and their AOTInductorGetLastError, under one lock.
struct Registry {
  std::mutex mutex;
  std::map<void *, GetLastError> libraries;
};

Registry &registry() {
  // Never destroyed: threads may still ask while the program ends.
  static Registry *const instance = new Registry;
  return *instance;
}

const char *last_error() {
  Registry &all = registry();
  std::lock_guard<std::mutex> lock(all.mutex);
  for (const auto &entry : all.libraries) {
    const char *message = nullptr;
    if (entry.second != nullptr && entry.second(&message) == AOTI_RUNTIME_SUCCESS && message != nullptr &&
        message[0] != '\0') {
      return message;
    }
  }
  return "the library left no message; stock AOTInductor prints one to stderr";
}

const char *last_tensor_error() { return "the tensor function failed; libtorch prints why to stderr"; }

// Looks functions up by name, and remembers those that are missing.
class Finder {
 public:
  Finder(void *library, std::string prefix) : library_(library), prefix_(std::move(prefix)) {}

  template <class Function>
  void optional(const std::string &name, Function *function) {
    *function = reinterpret_cast<Function>(dlsym(library_, (prefix_ + name).c_str()));
  }

  template <class Function>
  void required(const std::string &name, Function *function) {
    optional(name, function);
    if (*function == nullptr) missing_ += (missing_.empty() ? "" : ", ") + prefix_ + name;
  }

  const std::string &missing() const { return missing_; }

 private:
  void *library_;
  std::string prefix_;
  std::string missing_;
};

void find_container_functions(Finder *find, AotiModelApi *api) {
  find->required("CreateWithDevice", &api->create_with_device);
  find->required("Delete", &api->delete_container);
  find->required("Run", &api->run);
  find->required("GetNumInputs", &api->get_num_inputs);
  find->required("GetInputName", &api->get_input_name);
  find->required("GetNumOutputs", &api->get_num_outputs);
  find->required("GetOutputName", &api->get_output_name);
  find->required("GetCallSpec", &api->get_call_spec);
  find->required("GetNumConstants", &api->get_num_constants);
  find->required("GetConstantName", &api->get_constant_name);
  find->required("GetConstantOriginalFQN", &api->get_constant_original_fqn);
  find->required("GetConstantDtype", &api->get_constant_dtype);
  find->required("SwapConstantBuffer", &api->swap_constants);
  find->optional("RunSingleThreaded", &api->run_single_threaded);
  find->optional("GetConstantDataSize", &api->get_constant_data_size);
  find->optional("ExtractConstantsMapEntries", &api->extract_constants);
  find->optional("UpdateConstantBufferPairs", &api->update_constants);
  find->optional("UpdateUserManagedConstantBufferPairs", &api->update_user_managed_constants);
  find->optional("FreeInactiveConstantBuffer", &api->free_inactive_constants);
  if (api->run_single_threaded == nullptr) api->run_single_threaded = api->run;
}

void find_tensor_functions(Finder *find, AotiModelApi *api) {
  find->required("create_tensor_from_blob_v2", &api->create_tensor_from_blob_v2);
  find->required("empty_strided", &api->empty_strided);
  find->required("new_tensor_handle", &api->new_tensor_handle);
  find->required("delete_tensor_object", &api->delete_tensor_object);
  find->required("get_data_ptr", &api->get_data_ptr);
  find->required("get_dtype", &api->get_dtype);
  find->required("get_dim", &api->get_dim);
  find->required("get_numel", &api->get_numel);
  find->required("get_sizes", &api->get_sizes);
  find->required("get_strides", &api->get_strides);
  find->required("get_storage_offset", &api->get_storage_offset);
  find->required("get_storage_size", &api->get_storage_size);
  find->required("get_device_type", &api->get_device_type);
  find->required("get_device_index", &api->get_device_index);
}

}  // namespace

bool stock_model_api(void *library, void *libtorch, AotiModelApi *api, std::string *error) {
  *api = AotiModelApi();
  api->struct_size = sizeof(AotiModelApi);
  api->abi_version = AOTI_MODEL_ABI_VERSION;
  api->last_error = last_error;
  Finder container(library, "AOTInductorModelContainer"), tensors(libtorch, "aoti_torch_"),
      others(libtorch, "torch_");
  find_container_functions(&container, api);
  find_tensor_functions(&tensors, api);
  others.optional("from_blob", &api->create_tensor_with_deleter);
  others.optional("exception_get_what_without_backtrace", &api->last_tensor_error);
  if (api->last_tensor_error == nullptr) api->last_tensor_error = last_tensor_error;
  if (!container.missing().empty() || !tensors.missing().empty()) {
    *error = "these functions are missing: " + container.missing() +
             (container.missing().empty() || tensors.missing().empty() ? "" : ", ") + tensors.missing();
    return false;
  }
  Registry &all = registry();
  std::lock_guard<std::mutex> lock(all.mutex);
  all.libraries[library] = reinterpret_cast<GetLastError>(dlsym(library, "AOTInductorGetLastError"));
  return true;
}

bool give_stock_weights(void *library, const AotiModelApi &api, AOTInductorModelContainerHandle container,
                        const Bytes &weights, std::string *error) {
  using GetSize = AOTIRuntimeError (*)(AOTInductorModelContainerHandle container, uint64_t *size);
  using Update = AOTIRuntimeError (*)(AOTInductorModelContainerHandle container, const uint8_t *weights);
  GetSize get_size = nullptr;
  Update update = nullptr;
  Finder container_functions(library, "AOTInductorModelContainer"), functions(library, "AOTInductorModel");
  container_functions.required("GetConstantsBlobSize", &get_size);
  functions.required("UpdateConstantsFromBlob", &update);
  uint64_t size = 0;
  if (get_size == nullptr || update == nullptr || get_size(container, &size) != AOTI_RUNTIME_SUCCESS) {
    *error =
        "the library takes no weights from a file, but the package has one for it; make the package again";
    return false;
  }
  if (size != weights.size) {
    *error = "the library expects " + std::to_string(size) + " bytes of weights, the package has " +
             std::to_string(weights.size) + "; they are of two compilations";
    return false;
  }
  if (update(container, weights.data) == AOTI_RUNTIME_SUCCESS) return true;
  *error = std::string("its weights were refused: ") + api.last_error();
  return false;
}

void forget_stock_library(void *library) {
  Registry &all = registry();
  std::lock_guard<std::mutex> lock(all.mutex);
  all.libraries.erase(library);
}

}  // namespace aoti
