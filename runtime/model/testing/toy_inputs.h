// Inputs for the toy model and what it must make of them, for tests.
#ifndef RUNTIME_MODEL_TESTING_TOY_INPUTS_H_
#define RUNTIME_MODEL_TESTING_TOY_INPUTS_H_

#include <stdint.h>
#include <string.h>

#include "aoti/model_api.h"
#include "runtime/model/testing/toy_weights.h"
#include "tools/testing/check.h"

// Defined by toy_model.cc.
extern "C" const AotiModelApi *toy_api(void);

namespace toy {

constexpr int64_t kMaxRows = 64;

// Row-major x and y of `rows` rows, and an index; values depend on `seed`.
struct Inputs {
  int64_t rows;
  float x[kMaxRows][TOY_COLUMNS];
  float y[kMaxRows][TOY_COLUMNS];
  int64_t index;

  explicit Inputs(int64_t num_rows, int seed = 0) : rows(num_rows), index((seed + 3) % TOY_COLUMNS) {
    for (int64_t i = 0; i < kMaxRows; ++i) {
      for (int64_t j = 0; j < TOY_COLUMNS; ++j) {
        x[i][j] = static_cast<float>((i * 5 + j * 3 + seed) % 17 - 8) / 4;
        y[i][j] = static_cast<float>((i * 3 + j * 7 + seed) % 19 - 9) / 4;
      }
    }
  }
};

inline AtenTensorHandle tensor(void *data, int32_t dtype, int64_t ndim, const int64_t *sizes,
                               const int64_t *strides) {
  AtenTensorHandle handle = nullptr;
  CHECK_EQ(toy_api()->create_tensor_from_blob_v2(data, ndim, sizes, strides, 0, dtype, AOTI_DEVICE_CPU, 0,
                                                 &handle, 0, nullptr, 0),
           AOTI_TORCH_SUCCESS);
  return handle;
}

inline AtenTensorHandle matrix(float (*data)[TOY_COLUMNS], int64_t rows) {
  const int64_t sizes[] = {rows, TOY_COLUMNS}, strides[] = {TOY_COLUMNS, 1};
  return tensor(data, AOTI_DTYPE_FLOAT32, 2, sizes, strides);
}

// The three handles of one run; a run consumes them.
inline void make_handles(Inputs *inputs, AtenTensorHandle *handles) {
  const int64_t one[] = {1};
  handles[0] = matrix(inputs->x, inputs->rows);
  handles[1] = matrix(inputs->y, inputs->rows);
  handles[2] = tensor(&inputs->index, AOTI_DTYPE_INT64, 1, one, one);
}

// What the model adds and multiplies with, to be changed along with its constants.
struct Constants {
  float weight[TOY_COLUMNS][TOY_COLUMNS];
  float bias[TOY_COLUMNS];
  float scale[TOY_COLUMNS];

  Constants() {
    static_assert(sizeof(Constants) == sizeof(toy_weights),
                  "the weights are these three, one after the other");
    memcpy(this, toy_weights, sizeof(toy_weights));
  }
};

inline const float *data_of(AtenTensorHandle handle) {
  void *data = nullptr;
  CHECK_EQ(toy_api()->get_data_ptr(handle, &data), AOTI_TORCH_SUCCESS);
  return static_cast<const float *>(data);
}

// The outputs are those of `inputs` and `constants`, computed in double; deletes them.
inline void check_and_delete(const Inputs &inputs, const Constants &constants, AtenTensorHandle *outputs) {
  const float *product = data_of(outputs[0]), *sums = data_of(outputs[1]);
  for (int64_t i = 0; i < inputs.rows; ++i) {
    for (int64_t j = 0; j < TOY_COLUMNS; ++j) {
      double sum = static_cast<double>(constants.bias[j]);
      for (int64_t k = 0; k < TOY_COLUMNS; ++k) {
        sum += static_cast<double>(inputs.x[i][k]) * static_cast<double>(constants.weight[k][j]);
      }
      const double expected = (sum > 0 ? sum : 0) * static_cast<double>(constants.scale[j]);
      CHECK_NEAR(static_cast<double>(product[i * TOY_COLUMNS + j]), expected, 1e-4);
    }
    CHECK_NEAR(static_cast<double>(sums[i]),
               static_cast<double>(inputs.x[i][inputs.index] + inputs.y[i][inputs.index]), 0);
  }
  CHECK(data_of(outputs[2]) == &inputs.y[0][0]);
  for (int i = 0; i < 3; ++i) CHECK_EQ(toy_api()->delete_tensor_object(outputs[i]), AOTI_TORCH_SUCCESS);
}

// One good run.
inline void run_and_check(AOTInductorModelContainerHandle model, Inputs *inputs, const Constants &constants) {
  AtenTensorHandle handles[3], outputs[3];
  make_handles(inputs, handles);
  const AOTIRuntimeError status = toy_api()->run(model, handles, 3, outputs, 3, nullptr, nullptr);
  CHECK_EQ(status, AOTI_RUNTIME_SUCCESS);
  if (status != AOTI_RUNTIME_SUCCESS) {
    fprintf(stderr, "  %s\n", toy_api()->last_error());
    return;
  }
  check_and_delete(*inputs, constants, outputs);
}

}  // namespace toy

#endif  // RUNTIME_MODEL_TESTING_TOY_INPUTS_H_
