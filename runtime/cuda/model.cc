#include "runtime/cuda/model.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/model/error.h"

using aoti_model::fail;

namespace aoti_cuda {
namespace {

CudaModel *models;
pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;  // of `models`; held while one is loaded

// Constants closer together than this are uploaded in one copy.
constexpr int64_t kMergeBytes = 64 << 10;

bool is_set(const char *variable) {
  const char *value = getenv(variable);
  return value != nullptr && value[0] != '\0' && strcmp(value, "0") != 0;
}

bool is_uploaded(const AotiConstantDesc &constant) { return constant.device_type == AOTI_DEVICE_CUDA; }

// The stretch of the weights that holds every constant of the device. False when there is none.
bool uploaded_range(const AotiModelDesc &desc, int64_t *begin, int64_t *end) {
  *begin = INT64_MAX;
  *end = 0;
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    const AotiConstantDesc &constant = desc.constants[i];
    if (!is_uploaded(constant)) continue;
    if (constant.offset_bytes < *begin) *begin = constant.offset_bytes;
    if (constant.offset_bytes + constant.size_bytes > *end)
      *end = constant.offset_bytes + constant.size_bytes;
  }
  return *end > *begin;
}

AOTIRuntimeError fail_upload(const CudaModel &model, CUresult result, int64_t bytes) {
  char text[256];
  describe(*model.device->cu, result, text, sizeof text);
  return fail("model %s: uploading %lld bytes of weights to cuda:%d (%s): %s%s", model.desc->name,
              (long long)bytes, model.device->index, model.device->name, text,
              result == kOutOfMemory ? ". Free memory on this GPU or use another one" : "");
}

// Copies the constants of [begin, end); constants are visited in the table's order, neighbours in one copy.
CUresult upload(CudaModel *model) {
  const AotiModelDesc &desc = *model->desc;
  int64_t begin = 0, end = 0;  // of the pending copy
  CUresult result = kSuccess;
  for (int32_t i = 0; i <= desc.num_constants && result == kSuccess; ++i) {
    const AotiConstantDesc *constant = i < desc.num_constants ? &desc.constants[i] : nullptr;
    if (constant != nullptr && !is_uploaded(*constant)) continue;
    const int64_t from = constant != nullptr ? constant->offset_bytes : INT64_MAX;
    if (constant != nullptr && from >= begin && from - end <= kMergeBytes && end > begin) {
      if (from + constant->size_bytes > end) end = from + constant->size_bytes;
      continue;
    }
    if (end > begin) {
      result = model->device->cu->MemcpyHtoDAsync(
          model->uploaded + static_cast<uint64_t>(begin - model->uploaded_begin), model->host_weights + begin,
          static_cast<size_t>(end - begin), nullptr);
    }
    begin = from;
    end = constant != nullptr ? from + constant->size_bytes : 0;
  }
  const CUresult waited = model->device->cu->StreamSynchronize(nullptr);
  return result != kSuccess ? result : waited;
}

AOTIRuntimeError upload_weights(CudaModel *model) {
  int64_t end = 0;
  if (!uploaded_range(*model->desc, &model->uploaded_begin, &end)) {
    model->uploaded_begin = 0;
    return AOTI_RUNTIME_SUCCESS;
  }
  const int64_t bytes = end - model->uploaded_begin;
  CUresult result = model->device->cu->MemAlloc(&model->uploaded, static_cast<size_t>(bytes));
  if (result == kSuccess) result = upload(model);
  return result == kSuccess ? AOTI_RUNTIME_SUCCESS : fail_upload(*model, result, bytes);
}

AOTIRuntimeError check_table(const AotiModelDesc &desc) {
  const AotiCudaModelDesc &cuda = *desc.cuda;
  if (cuda.struct_size == sizeof(AotiCudaModelDesc) && cuda.num_kernels >= 0 &&
      (cuda.num_kernels == 0 || cuda.kernels != nullptr)) {
    return AOTI_RUNTIME_SUCCESS;
  }
  return fail(
      "model %s: its CUDA table has %u bytes and %d kernels; expected %zu bytes: build the library again",
      desc.name, cuda.struct_size, cuda.num_kernels, sizeof(AotiCudaModelDesc));
}

AOTIRuntimeError load(CudaModel *model) {
  const AotiCudaModelDesc &cuda = *model->desc->cuda;
  ContextScope scope(*model->device);
  if (scope.result() != kSuccess) return fail_driver(model, scope.result(), "making the device current");
  model->kernels = static_cast<Kernel *>(calloc(static_cast<size_t>(cuda.num_kernels) + 1, sizeof(Kernel)));
  if (model->kernels == nullptr) {
    return aoti_model::fail_memory("the table of kernels",
                                   static_cast<int64_t>(sizeof(Kernel)) * cuda.num_kernels);
  }
  for (int32_t i = 0; i < cuda.num_kernels; ++i) {
    if (load_kernel(*model->device, model->desc->name, cuda.kernels[i], model->kernels, i,
                    &model->kernels[i]) != AOTI_RUNTIME_SUCCESS) {
      return AOTI_RUNTIME_FAILURE;
    }
  }
  return upload_weights(model);
}

void destroy(CudaModel *model) {
  ContextScope scope(*model->device);
  for (int32_t i = 0; model->kernels != nullptr && i < model->desc->cuda->num_kernels; ++i) {
    unload_kernel(*model->device, &model->kernels[i]);
  }
  if (model->uploaded != 0) model->device->cu->MemFree(model->uploaded);
  free(model->kernels);
  free(model);
}

CudaModel *find(const AotiModelDesc &desc, const Device *device, const uint8_t *weights) {
  CudaModel *model = models;
  while (model != nullptr &&
         (model->desc != &desc || model->device != device || model->host_weights != weights)) {
    model = model->next;
  }
  return model;
}

AOTIRuntimeError make(const AotiModelDesc &desc, const Device *device, const uint8_t *weights,
                      CudaModel **ret_model) {
  CudaModel *model = static_cast<CudaModel *>(calloc(1, sizeof(CudaModel)));
  if (model == nullptr) return aoti_model::fail_memory("a model on a device", sizeof(CudaModel));
  model->desc = &desc;
  model->device = device;
  model->host_weights = weights;
  model->sync_launches = is_set("AOTI_CUDA_SYNC");
  const char *graphs = getenv("AOTI_CUDA_GRAPHS");
  model->graphs = graphs == nullptr || strcmp(graphs, "0") != 0;
  if (load(model) != AOTI_RUNTIME_SUCCESS) {
    destroy(model);
    return AOTI_RUNTIME_FAILURE;
  }
  model->next = models;
  models = model;
  *ret_model = model;
  return AOTI_RUNTIME_SUCCESS;
}

}  // namespace

AOTIRuntimeError model_open(const AotiModelDesc &desc, int32_t device_index, const uint8_t *weights,
                            CudaModel **ret_model) {
  if (check_table(desc) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  char message[kDriverMessageBytes];
  const Device *device = device_at(device_index, message, sizeof message);
  if (device == nullptr) return fail("model %s: %s", desc.name, message);
  pthread_mutex_lock(&mutex);
  *ret_model = find(desc, device, weights);
  const AOTIRuntimeError status =
      *ret_model != nullptr ? AOTI_RUNTIME_SUCCESS : make(desc, device, weights, ret_model);
  if (status == AOTI_RUNTIME_SUCCESS) ++(*ret_model)->references;
  pthread_mutex_unlock(&mutex);
  return status;
}

void model_close(CudaModel *model) {
  if (model == nullptr) return;
  pthread_mutex_lock(&mutex);
  if (--model->references == 0) {
    CudaModel **link = &models;
    while (*link != model) link = &(*link)->next;
    *link = model->next;
    destroy(model);
  }
  pthread_mutex_unlock(&mutex);
}

AOTIRuntimeError model_finish(CudaModel *model) {
  ContextScope scope(*model->device);
  CUresult result = scope.result();
  if (result == kSuccess) result = model->device->cu->CtxSynchronize();
  return result == kSuccess ? AOTI_RUNTIME_SUCCESS : fail_driver(model, result, "waiting for the device");
}

AOTIRuntimeError model_synchronize(CudaModel *model, void *stream) {
  ContextScope scope(*model->device);
  CUresult result = scope.result();
  if (result == kSuccess) result = model->device->cu->StreamSynchronize(static_cast<CUstream>(stream));
  return result == kSuccess ? AOTI_RUNTIME_SUCCESS : fail_driver(model, result, "waiting for a stream");
}

AOTIRuntimeError model_stream_wait(CudaModel *model, void *waiting, void *waited) {
  const Driver &cu = *model->device->cu;
  ContextScope scope(*model->device);
  CUevent event = nullptr;
  CUresult result = scope.result();
  if (result == kSuccess) result = cu.EventCreate(&event, kEventDisableTiming);
  if (result == kSuccess) result = cu.EventRecord(event, static_cast<CUstream>(waited));
  if (result == kSuccess) result = cu.StreamWaitEvent(static_cast<CUstream>(waiting), event, 0);
  // The driver keeps an event until those who wait for it have gone on.
  if (event != nullptr) cu.EventDestroy(event);
  return result == kSuccess ? AOTI_RUNTIME_SUCCESS : fail_driver(model, result, "putting streams in order");
}

AOTIRuntimeError fail_driver(CudaModel *model, CUresult result, const char *what) {
  char text[256];
  describe(*model->device->cu, result, text, sizeof text);
  if (!is_fault(result)) {
    return fail("model %s: %s on cuda:%d: %s", model->desc->name, what, model->device->index, text);
  }
  char fault[sizeof model->fault];
  snprintf(fault, sizeof fault, "%s on cuda:%d: %s%s", what, model->device->index, text,
           model->sync_launches ? ""
                                : ". CUDA reports faults late: it may belong to an earlier kernel; run with "
                                  "AOTI_CUDA_SYNC=1 in the "
                                  "environment to have every launch waited for and the kernel named");
  if (!__atomic_load_n(&model->faulted, __ATOMIC_ACQUIRE)) {
    memcpy(model->fault, fault, sizeof fault);
    __atomic_store_n(&model->faulted, true, __ATOMIC_RELEASE);
  }
  return fail("model %s: %s. The device's context is lost: restart the process", model->desc->name, fault);
}

AOTIRuntimeError check_not_faulted(const CudaModel *model) {
  if (!__atomic_load_n(&model->faulted, __ATOMIC_ACQUIRE)) return AOTI_RUNTIME_SUCCESS;
  return fail("model %s: an earlier run failed (%s), and the device's context is lost: restart the process",
              model->desc->name, model->fault);
}

}  // namespace aoti_cuda
