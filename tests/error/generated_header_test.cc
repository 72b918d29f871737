// The generated header in a stranger's program: outputs of every kind, moves, threads, and every refusal with
// its message.
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <utility>
#include <vector>

#include "tests/error/odd_aoti.h"
#include "tools/testing/check.h"

namespace {

using odd_aoti::Model;
using odd_aoti::Result;

const int64_t kIndices[3] = {0, 4, 2};
const float kMatrix[2][3] = {{0, 1, 2}, {3, 4, 5}};

void check_outputs(const Result &result) {
  for (int64_t i = 0; i < 2; ++i) {
    for (int64_t j = 0; j < 3; ++j) {
      CHECK_EQ(result.alias()(i, j), kMatrix[i][j]);
      CHECK_EQ(result.first()(i, j), 2 * kMatrix[i][j]);
      CHECK_EQ(result.second()(i, j), 2 * kMatrix[i][j]);
      CHECK_NEAR(result.turned()(j, i), sin(kMatrix[i][j]), 1e-6);
    }
  }
  for (int64_t i = 0; i < 5; ++i) {
    for (int64_t j = 0; j < 4; ++j) CHECK_EQ(result.weight()(i, j), float(4 * i + j));
  }
  for (int64_t i = 0; i < 3; ++i) {
    for (int64_t j = 0; j < 4; ++j) CHECK_EQ(result.rows()(i, j), 2.0f * float(4 * kIndices[i] + j));
  }
  CHECK_EQ(result.number(), 7);
}

void outputs_are_the_callers() {
  Result kept;
  {
    Model model;
    CHECK_EQ(model.status().message(), "");
    Result result = model.run(kIndices, kMatrix);
    CHECK_EQ(result.status().message(), "");
    CHECK(result.alias().data() != &kMatrix[0][0]);
    kept = std::move(result);
    CHECK(kept.ok());
  }
  check_outputs(kept);  // the model is gone, its outputs are not
  CHECK_EQ(kept.turned().strides()[0], 1);
  CHECK_EQ(kept.turned().strides()[1], 3);
  CHECK_EQ(kept.turned().size(1), 2);
  CHECK_EQ(kept.turned().numel(), 6);
}

void inputs_of_many_kinds() {
  Model model;
  const std::array<int64_t, 3> indices = {0, 4, 2};
  std::vector<float> matrix(&kMatrix[0][0], &kMatrix[0][0] + 6);
  check_outputs(model.run(indices, matrix));
  check_outputs(model.run({indices.data(), indices.size()}, {matrix.data(), 6}));
  aoti::TensorView<float, 2, 3> writable(matrix);
  check_outputs(model.run(indices, writable));
}

void wrong_inputs() {
  Model model;
  const std::vector<float> small(5);
  CHECK_CONTAINS(model.run(kIndices, small).status().message(), "input 'x': expected 6 elements, got 5");
  CHECK_CONTAINS(model.run({nullptr, 3}, kMatrix).status().message(),
                 "input 'operator': expected 3 elements, got a null pointer");
  CHECK_EQ(model.run(kIndices, small).status().code(), AOTI_RUNTIME_FAILURE);
  const int64_t outside[3] = {0, 5, 2};
  const Result result = model.run(outside, kMatrix);
  CHECK(!result.ok());
  CHECK_CONTAINS(result.status().message(), "index out of range");
  CHECK_CONTAINS(result.status().message(), "expected -5 to 4");
  CHECK_CONTAINS(result.status().message(), "got 5");
  CHECK_CONTAINS(result.status().message(), "odd_model.py");
  check_outputs(model.run(kIndices, kMatrix));  // a failed run spoils nothing
}

void wrong_options() {
  aoti::ModelOptions options;
  options.num_instances = 0;
  CHECK_CONTAINS(Model(options).status().message(), "num_instances must be at least 1, got 0");
  options.num_instances = 1;
  options.num_threads = -3;
  const Model model(options);
  CHECK(!model.ok());
  CHECK_CONTAINS(model.status().message(), "-3");
  CHECK_CONTAINS(model.run(kIndices, kMatrix).status().message(), "-3");
}

void moved_models() {
  Model model;
  Model other = std::move(model);
  check_outputs(other.run(kIndices, kMatrix));
  CHECK(!model.ok());
  CHECK_CONTAINS(model.run(kIndices, kMatrix).status().message(), "moved away");
}

void many_threads() {
  aoti::ModelOptions options;
  options.num_instances = 2;
  options.num_threads = 2;
  const Model model(options);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) check_outputs(model.run(kIndices, kMatrix));
    });
  }
  for (std::thread &thread : threads) thread.join();
}

// A bad index ends the program with a message rather than reading elsewhere.
void bad_indices() {
  int pipe_ends[2];
  CHECK_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(pipe_ends[1], 2);
    const Model model;
    const Result result = model.run(kIndices, kMatrix);
    printf("%g", double(result.first()(1, 3)));
    _exit(0);
  }
  close(pipe_ends[1]);
  char text[200] = {};
  CHECK(read(pipe_ends[0], text, sizeof text - 1) > 0);
  int status = 0;
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
  CHECK_CONTAINS(text, "index 3 of dimension 1 is out of range: its size is 3");
}

// A host that was built for another release than the library.
class Imposter : public aoti::ModelBase {
 public:
  explicit Imposter(const AotiModelApi *api) : ModelBase(api, aoti::ModelOptions()) {}
};

void other_abi_version() {
  AotiModelApi api = *odd_aoti_api();
  char own[64], next[64];
  snprintf(own, sizeof own, "speaks version %u of the model ABI", AOTI_MODEL_ABI_VERSION);
  snprintf(next, sizeof next, "speaks version %u of the model ABI", AOTI_MODEL_ABI_VERSION + 1);
  api.abi_version += 1;
  CHECK_CONTAINS(Imposter(&api).status().message(), next);
  CHECK_CONTAINS(Imposter(&api).status().message(), "build both from the same release");
  api = *odd_aoti_api();
  api.struct_size = AOTI_MODEL_API_FIRST_SIZE - 8;
  CHECK_CONTAINS(Imposter(&api).status().message(), own);
}

}  // namespace

int main() {
  bad_indices();  // first: a process with threads should not fork
  static_assert(odd_aoti::kNumInputs == 2 && odd_aoti::kNumOutputs == 8);
  static_assert(!std::is_convertible_v<double (&)[2][3], aoti::TensorView<const float, 2, 3>>);
  static_assert(!std::is_copy_constructible_v<Model> && std::is_move_constructible_v<Model>);
  static_assert(!std::is_copy_constructible_v<Result> && std::is_move_constructible_v<Result>);
  outputs_are_the_callers();
  inputs_of_many_kinds();
  wrong_inputs();
  wrong_options();
  moved_models();
  many_threads();
  other_abi_version();
  return aoti_test::result();
}
