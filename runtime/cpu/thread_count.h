// How many threads a container uses unless it is told.
#ifndef RUNTIME_CPU_THREAD_COUNT_H_
#define RUNTIME_CPU_THREAD_COUNT_H_

#include <stddef.h>
#include <stdint.h>

namespace aoti_cpu {

constexpr int32_t kMaxThreads = 1024;

// AOTI_NUM_THREADS when it is set, else the processors in the calling thread's affinity mask. 1 to
// kMaxThreads, or 0 with a message when AOTI_NUM_THREADS is not a number in that range.
int32_t default_num_threads(char *message, size_t message_bytes);

}  // namespace aoti_cpu

#endif  // RUNTIME_CPU_THREAD_COUNT_H_
