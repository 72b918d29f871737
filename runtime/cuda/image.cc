#include "runtime/cuda/image.h"

#include <stdio.h>

#include "runtime/model/error.h"

using aoti_model::fail;

namespace aoti_cuda {
namespace {

constexpr size_t kLogBytes = 1024;
constexpr int32_t kLaunchParameterMax = 254;
constexpr int32_t kPortableCluster = 8;

// Higher is better, -1 does not fit.
int32_t rank_of(const AotiCudaImage &image, int32_t sm) {
  switch (image.kind) {
    case AOTI_CUDA_CUBIN_EXACT:
      return image.sm == sm ? 3000 : -1;
    case AOTI_CUDA_CUBIN:
      return image.sm / 10 == sm / 10 && image.sm <= sm ? 2000 + image.sm : -1;
    case AOTI_CUDA_PTX:
      return image.sm <= sm ? 1000 + image.sm : -1;
    default:
      return -1;
  }
}

const char *image_name(const AotiCudaImage &image, char *text, size_t bytes) {
  snprintf(text, bytes, "%s%d%s", image.kind == AOTI_CUDA_PTX ? "compute_" : "sm_", image.sm,
           image.kind == AOTI_CUDA_CUBIN_EXACT ? "a" : "");
  return text;
}

AOTIRuntimeError fail_no_image(const Device &device, const char *model_name, const AotiCudaKernelDesc &desc) {
  char buffer[512] = "", name[32];
  aoti_model::Text text{buffer, sizeof buffer, 0};
  for (int32_t i = 0; i < desc.num_images; ++i) {
    aoti_model::append(&text, "%s%s", i == 0 ? "" : ", ", image_name(desc.images[i], name, sizeof name));
  }
  return fail(
      "model %s: kernel %s was compiled for %s; cuda:%d (%s) has capability sm_%d. Compile the model with "
      "\"sm_%d\" in cuda_archs",
      model_name, desc.name, buffer, device.index, device.name, device.sm, device.sm);
}

AOTIRuntimeError fail_load(const Device &device, const char *model_name, const Kernel &kernel,
                           CUresult result, const char *log) {
  char text[256], name[32];
  describe(*device.cu, result, text, sizeof text);
  const bool old = result == kUnsupportedPtxVersion || result == kInvalidImage || result == kNoBinaryForGpu ||
                   result == kInvalidPtx;
  return fail(
      "model %s: kernel %s (image %s) cannot be loaded on cuda:%d: %s%s%s%s", model_name, kernel.desc->name,
      image_name(*kernel.image, name, sizeof name), device.index, text, log[0] != '\0' ? "; " : "", log,
      old ? ". The driver may be older than the compiler that made the image: update the driver" : "");
}

CUresult load_module(const Device &device, const AotiCudaImage &image, CUmodule *module, char *log) {
  CUjit_option options[] = {kErrorLogBuffer, kErrorLogBufferSizeBytes};
  void *values[] = {log, reinterpret_cast<void *>(static_cast<uintptr_t>(kLogBytes))};
  log[0] = '\0';
  const CUresult result = device.cu->ModuleLoadDataEx(module, image.data, 2, options, values);
  log[kLogBytes - 1] = '\0';
  return result;
}

AOTIRuntimeError check_launch(const Device &device, const char *model_name, const Kernel &kernel) {
  const AotiCudaImage &image = *kernel.image;
  int32_t fixed = 0;
  device.cu->FuncGetAttribute(&fixed, kSharedSizeBytes, kernel.function);
  if (image.shared_bytes + fixed > device.shared_optin_bytes) {
    return fail(
        "model %s: kernel %s needs %d bytes of shared memory; a block on cuda:%d (%s) has %d. Compile the "
        "model for "
        "this GPU (cuda_archs)",
        model_name, kernel.desc->name, image.shared_bytes + fixed, device.index, device.name,
        device.shared_optin_bytes);
  }
  CUresult result = kSuccess;
  if (image.shared_bytes > 0) {
    result = device.cu->FuncSetAttribute(kernel.function, kMaxDynamicSharedSizeBytes, image.shared_bytes);
  }
  if (result == kSuccess && image.cluster > kPortableCluster) {
    result = device.cu->FuncSetAttribute(kernel.function, kNonPortableClusterSizeAllowed, 1);
  }
  return result == kSuccess ? AOTI_RUNTIME_SUCCESS : fail_load(device, model_name, kernel, result, "");
}

void set_attributes(const Device &device, Kernel *kernel) {
  const AotiCudaImage &image = *kernel->image;
  CUlaunchAttribute *next = kernel->attributes;
  if (image.cluster > 1) {
    next->id = kAttributeClusterDimension;
    next->value.cluster_dim.x = static_cast<uint32_t>(image.cluster);
    next->value.cluster_dim.y = next->value.cluster_dim.z = 1;
    ++next;
  }
  if ((image.flags & AOTI_CUDA_COOPERATIVE) != 0) {
    next->id = kAttributeCooperative;
    next->value.cooperative = 1;
    ++next;
  }
  kernel->num_node_attributes = static_cast<uint32_t>(next - kernel->attributes);
  kernel->dependent_launch = (image.flags & AOTI_CUDA_DEPENDENT_LAUNCH) != 0 && device.sm >= 90;
  if (kernel->dependent_launch) {
    next->id = kAttributeProgrammaticStreamSerialization;
    next->value.programmatic_stream_serialization_allowed = 1;
    ++next;
  }
  kernel->num_attributes = static_cast<uint32_t>(next - kernel->attributes);
}

bool maps_are_sound(const AotiCudaKernelDesc &desc) {
  for (int32_t i = 0; i < desc.num_images; ++i) {
    const AotiCudaImage &image = desc.images[i];
    if (image.num_maps < 0 || (image.num_maps > 0 && image.maps == nullptr)) return false;
    for (int32_t m = 0; m < image.num_maps; ++m) {
      if (image.maps[m].rank < 1 || image.maps[m].rank > AOTI_CUDA_MAX_RANK) return false;
    }
  }
  return true;
}

AOTIRuntimeError check_desc(const char *model_name, const AotiCudaKernelDesc &desc) {
  const bool counts = desc.num_params >= 0 && desc.num_params <= kLaunchParameterMax &&
                      desc.num_scratch_params >= 0 && desc.num_scratch_params <= 2 && desc.num_images >= 0;
  const bool arrays = (desc.num_params == 0 || desc.param_bytes != nullptr) &&
                      (desc.num_images == 0 || desc.images != nullptr) && desc.name != nullptr &&
                      desc.entry != nullptr;
  if (counts && arrays && maps_are_sound(desc)) return AOTI_RUNTIME_SUCCESS;
  return fail(
      "model %s: the table of kernel %s is damaged (%d parameters, %d scratch, %d images); this is a fault "
      "of "
      "the compiled model",
      model_name, desc.name != nullptr ? desc.name : "?", desc.num_params, desc.num_scratch_params,
      desc.num_images);
}

}  // namespace

const AotiCudaImage *choose_image(const AotiCudaKernelDesc &desc, int32_t sm) {
  const AotiCudaImage *best = nullptr;
  int32_t best_rank = -1;
  for (int32_t i = 0; i < desc.num_images; ++i) {
    const int32_t rank = rank_of(desc.images[i], sm);
    if (rank <= best_rank) continue;
    best = &desc.images[i];
    best_rank = rank;
  }
  return best;
}

namespace {

// Whether a kernel is not needed on this device, since another one will be launched.
bool can_do_without(const Device &device, const Kernel &kernel, const Kernel *earlier, int32_t num_earlier) {
  if ((kernel.desc->flags & AOTI_CUDA_OPTIONAL) != 0)
    return kernel.image == nullptr || kernel.image->shared_bytes > device.shared_optin_bytes;
  if ((kernel.desc->flags & AOTI_CUDA_ALTERNATIVE) == 0) return false;
  for (int32_t i = 0; i < num_earlier; ++i) {
    if ((earlier[i].desc->flags & AOTI_CUDA_OPTIONAL) != 0 && earlier[i].function == nullptr) return false;
  }
  return true;
}

}  // namespace

AOTIRuntimeError load_kernel(const Device &device, const char *model_name, const AotiCudaKernelDesc &desc,
                             const Kernel *earlier, int32_t num_earlier, Kernel *ret_kernel) {
  if (check_desc(model_name, desc) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  Kernel kernel{};
  kernel.desc = &desc;
  kernel.image = choose_image(desc, device.sm);
  if (can_do_without(device, kernel, earlier, num_earlier)) {
    *ret_kernel = Kernel{};
    ret_kernel->desc = &desc;
    return AOTI_RUNTIME_SUCCESS;
  }
  if (kernel.image == nullptr) return fail_no_image(device, model_name, desc);
  for (int32_t i = 0; i < num_earlier && kernel.module == nullptr; ++i) {
    if (earlier[i].image != nullptr && earlier[i].image->data == kernel.image->data)
      kernel.module = earlier[i].module;
  }
  char log[kLogBytes] = "";
  CUresult result = kSuccess;
  if (kernel.module == nullptr) {
    result = load_module(device, *kernel.image, &kernel.module, log);
    if (result != kSuccess) return fail_load(device, model_name, kernel, result, log);
    kernel.owns_module = true;
  }
  result = device.cu->ModuleGetFunction(&kernel.function, kernel.module, desc.entry);
  if (result != kSuccess) {
    fail_load(device, model_name, kernel, result, desc.entry);
  } else if (check_launch(device, model_name, kernel) == AOTI_RUNTIME_SUCCESS) {
    set_attributes(device, &kernel);
    *ret_kernel = kernel;
    return AOTI_RUNTIME_SUCCESS;
  }
  unload_kernel(device, &kernel);
  return AOTI_RUNTIME_FAILURE;
}

void unload_kernel(const Device &device, Kernel *kernel) {
  if (kernel->owns_module) device.cu->ModuleUnload(kernel->module);
  *kernel = Kernel{};
}

}  // namespace aoti_cuda
