#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // sched_getaffinity
#endif
#include "runtime/cpu/thread_count.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

namespace aoti_cpu {
namespace {

// Room for this many processors in the mask; the kernel refuses a mask that is too small for the machine.
constexpr int kMaxProcessors = 1 << 16;

int32_t processors_in_mask() {
  static_assert(kMaxProcessors % 64 == 0, "a mask of whole words");
  uint64_t mask[kMaxProcessors / 64] = {0};
  if (sched_getaffinity(0, sizeof mask, reinterpret_cast<cpu_set_t *>(mask)) != 0) return 1;
  int32_t count = 0;
  for (uint64_t word : mask) count += __builtin_popcountll(word);
  if (count < 1) return 1;
  return count > kMaxThreads ? kMaxThreads : count;
}

}  // namespace

int32_t default_num_threads(char *message, size_t message_bytes) {
  const char *text = getenv("AOTI_NUM_THREADS");
  if (text == nullptr || text[0] == '\0') return processors_in_mask();
  char *end = nullptr;
  errno = 0;
  long number = strtol(text, &end, 10);
  if (errno == 0 && *end == '\0' && number >= 1 && number <= kMaxThreads) return static_cast<int32_t>(number);
  snprintf(message, message_bytes, "AOTI_NUM_THREADS is \"%s\"; expected a whole number from 1 to %d", text,
           kMaxThreads);
  return 0;
}

}  // namespace aoti_cpu
