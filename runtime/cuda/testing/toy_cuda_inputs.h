// Runs of the toy CUDA model on the stand-in driver, and what must come out of them.
#ifndef RUNTIME_CUDA_TESTING_TOY_CUDA_INPUTS_H_
#define RUNTIME_CUDA_TESTING_TOY_CUDA_INPUTS_H_

#include "runtime/cuda/testing/fake_cuda.h"
#include "runtime/cuda/testing/toy_cuda_model.h"
#include "tools/testing/check.h"

namespace toy_cuda {

constexpr int64_t kColumns = 8, kMaxRows = 64;

inline AOTInductorModelContainerHandle create(const char *device, size_t instances = 1) {
  AOTInductorModelContainerHandle model = nullptr;
  const AOTIRuntimeError status = toy_cuda_api()->create_with_device(&model, instances, device, nullptr);
  CHECK_EQ(status, AOTI_RUNTIME_SUCCESS);
  if (status != AOTI_RUNTIME_SUCCESS) fprintf(stderr, "  %s\n", toy_cuda_api()->last_error());
  return model;
}

// The input: memory that a GPU of the stand-in can read, aligned.
struct Input {
  alignas(512) float x[kMaxRows * kColumns];
  explicit Input(int seed) {
    for (int64_t i = 0; i < kMaxRows * kColumns; ++i) x[i] = static_cast<float>((i * 7 + seed) % 23) - 11;
  }
};

inline AtenTensorHandle handle_of(float *data, int64_t rows, int32_t device = 0,
                                  int32_t device_type = AOTI_DEVICE_CUDA) {
  const int64_t size[] = {rows, kColumns}, stride[] = {kColumns, 1};
  AtenTensorHandle handle = nullptr;
  CHECK_EQ(toy_cuda_api()->create_tensor_from_blob_v2(data, 2, size, stride, 0, AOTI_DTYPE_FLOAT32,
                                                      device_type, device, &handle, 0, nullptr, 0),
           AOTI_TORCH_SUCCESS);
  return handle;
}

inline const float *data_of(AtenTensorHandle handle) {
  void *data = nullptr;
  CHECK_EQ(toy_cuda_api()->get_data_ptr(handle, &data), AOTI_TORCH_SUCCESS);
  return static_cast<const float *>(data);
}

// x * (1 ... 8) and that plus 8 (the sum of the bias), times `scale` for other weights.
inline void check_outputs(const Input &input, int64_t rows, AtenTensorHandle *outputs, float scale = 1) {
  const float *add = data_of(outputs[0]), *mul = data_of(outputs[1]);
  for (int64_t i = 0; i < rows * kColumns; ++i) {
    const float product = input.x[i] * static_cast<float>(i % kColumns + 1) * scale;
    CHECK_NEAR(static_cast<double>(mul[i]), static_cast<double>(product), 0);
    CHECK_NEAR(static_cast<double>(add[i]), static_cast<double>(product + 8), 0);
  }
}

inline void delete_outputs(AtenTensorHandle *outputs) {
  for (int i = 0; i < 2; ++i) CHECK_EQ(toy_cuda_api()->delete_tensor_object(outputs[i]), AOTI_TORCH_SUCCESS);
}

inline AOTIRuntimeError run(AOTInductorModelContainerHandle model, Input *input, int64_t rows, void *stream,
                            AtenTensorHandle *outputs, int32_t device = 0) {
  AtenTensorHandle handle = handle_of(input->x, rows, device);
  return toy_cuda_api()->run(model, &handle, 1, outputs, 2, static_cast<AOTInductorStreamHandle>(stream),
                             nullptr);
}

// One good run.
inline void run_and_check(AOTInductorModelContainerHandle model, Input *input, int64_t rows,
                          void *stream = nullptr, int32_t device = 0, float scale = 1) {
  AtenTensorHandle outputs[2];
  const AOTIRuntimeError status = run(model, input, rows, stream, outputs, device);
  CHECK_EQ(status, AOTI_RUNTIME_SUCCESS);
  if (status != AOTI_RUNTIME_SUCCESS) {
    fprintf(stderr, "  %s\n", toy_cuda_api()->last_error());
    return;
  }
  check_outputs(*input, rows, outputs, scale);
  delete_outputs(outputs);
}

// A run that must fail with a message that holds `part`.
inline void run_and_fail(AOTInductorModelContainerHandle model, Input *input, int64_t rows, const char *part,
                         void *stream = nullptr) {
  AtenTensorHandle outputs[2];
  CHECK_EQ(run(model, input, rows, stream, outputs), AOTI_RUNTIME_FAILURE);
  CHECK_CONTAINS(toy_cuda_api()->last_error(), part);
}

inline const char *graph_state(AOTInductorModelContainerHandle model) {
  const char *state = "";
  CHECK_EQ(toy_cuda_api()->get_cuda_graph_state(model, &state), AOTI_RUNTIME_SUCCESS);
  return state;
}

inline void destroy(AOTInductorModelContainerHandle model) {
  CHECK_EQ(toy_cuda_api()->delete_container(model), AOTI_RUNTIME_SUCCESS);
}

}  // namespace toy_cuda

#endif  // RUNTIME_CUDA_TESTING_TOY_CUDA_INPUTS_H_
