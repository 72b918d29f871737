// Storage is freed once, by the last of many threads, and only after all of them have written to it. Meant
// for the thread sanitizer as well (--config=tsan).
#include <pthread.h>
#include <stdlib.h>

#include "aoti/shim.h"
#include "tools/testing/check.h"

namespace {

constexpr int kThreads = 4, kRounds = 2000;

int deleted = 0;

void count_and_free(void *data, void *) {
  // Plain reads: the count must have ordered them after every thread's writes.
  const float *values = static_cast<const float *>(data);
  float sum = 0;
  for (int i = 0; i < kThreads; ++i) sum += values[i];
  CHECK_NEAR(static_cast<double>(sum), kThreads, 0);
  ++deleted;
  free(data);
}

struct Task {
  AtenTensorHandle tensor;
  int number;
};

void *use(void *argument) {
  Task *task = static_cast<Task *>(argument);
  const int64_t size[] = {1};
  AtenTensorHandle view = nullptr, copy = nullptr;
  CHECK_EQ(aoti_torch__reinterpret_tensor(task->tensor, 1, size, size, task->number, &view), 0);
  CHECK_EQ(aoti_torch_new_tensor_handle(view, &copy), 0);
  CHECK_EQ(aoti_torch_delete_tensor_object(task->tensor), 0);
  void *data = nullptr;
  CHECK_EQ(aoti_torch_get_data_ptr(copy, &data), 0);
  *static_cast<float *>(data) = 1;
  CHECK_EQ(aoti_torch_delete_tensor_object(view), 0);
  CHECK_EQ(aoti_torch_delete_tensor_object(copy), 0);
  return nullptr;
}

}  // namespace

int main() {
  const int64_t sizes[] = {kThreads}, strides[] = {1};
  for (int round = 0; round < kRounds; ++round) {
    void *data = calloc(kThreads, sizeof(float));
    AtenTensorHandle tensor = nullptr;
    CHECK_EQ(torch_from_blob(data, 1, sizes, strides, 0, AOTI_DTYPE_FLOAT32, 0, 0, &tensor, 0, nullptr, 0,
                             count_and_free, nullptr),
             0);
    Task tasks[kThreads];
    for (int i = 0; i < kThreads; ++i) {
      tasks[i].number = i;
      CHECK_EQ(aoti_torch_new_tensor_handle(tensor, &tasks[i].tensor), 0);
    }
    CHECK_EQ(aoti_torch_delete_tensor_object(tensor), 0);
    pthread_t threads[kThreads];
    for (int i = 0; i < kThreads; ++i) CHECK_EQ(pthread_create(&threads[i], nullptr, use, &tasks[i]), 0);
    for (pthread_t thread : threads) pthread_join(thread, nullptr);
    CHECK_EQ(deleted, round + 1);
  }
  return aoti_test::result();
}
