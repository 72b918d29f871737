// Sleeping on a 32-bit word, and waking who sleeps on it (Linux futexes, private to the process).
#ifndef RUNTIME_CPU_FUTEX_H_
#define RUNTIME_CPU_FUTEX_H_

#include <limits.h>
#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace aoti_cpu {

// Sleeps while *word is `expected`; may return early, so callers look again.
static inline void futex_wait(const uint32_t *word, uint32_t expected) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

// The same, for at most `timeout_ns`.
static inline void futex_wait_for(const uint32_t *word, uint32_t expected, int64_t timeout_ns) {
  const timespec timeout = {timeout_ns / 1000000000, timeout_ns % 1000000000};
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &timeout, nullptr, 0);
}

// Touches no memory: *word may have been freed.
static inline void futex_wake_all(const uint32_t *word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace aoti_cpu

#endif  // RUNTIME_CPU_FUTEX_H_
