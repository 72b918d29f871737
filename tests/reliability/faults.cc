#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // memfd_create, syscall
#endif
#include "tests/reliability/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// glibc's own, under the names that it keeps for replacements.
extern "C" {
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *block);
}

namespace faults {
namespace {

constexpr int64_t kNever = INT64_MAX;

// Before the n-th; below 1 it has come. Atomic, all of them.
int64_t memory_left = kNever, calls_left = kNever;
int32_t goes_on, call_error;
int64_t live, struck, interrupted;
bool is_interrupting;

bool fails(int64_t *left) {
  if (__atomic_load_n(left, __ATOMIC_RELAXED) == kNever) return false;
  const int64_t now = __atomic_sub_fetch(left, 1, __ATOMIC_RELAXED);
  const bool hit = now == 0 || (now < 0 && __atomic_load_n(&goes_on, __ATOMIC_RELAXED) != 0);
  if (hit) __atomic_add_fetch(&struck, 1, __ATOMIC_RELAXED);
  return hit;
}

bool call_fails() {
  if (!fails(&calls_left)) return false;
  errno = call_error;
  return true;
}

bool is_interrupted() {
  if (!__atomic_load_n(&is_interrupting, __ATOMIC_RELAXED)) return false;
  if (__atomic_add_fetch(&interrupted, 1, __ATOMIC_RELAXED) % 2 == 0) return false;
  errno = EINTR;
  return true;
}

void *counted(void *block) {
  if (block != nullptr) __atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
  return block;
}

void *no_memory() {
  errno = ENOMEM;
  return nullptr;
}

}  // namespace

void arm(const Plan &plan) {
  struck = 0;
  goes_on = plan.times == kFromThereOn;
  call_error = plan.error;
  __atomic_store_n(plan.what == kMemory ? &memory_left : &calls_left, plan.at, __ATOMIC_SEQ_CST);
}

bool disarm() {
  __atomic_store_n(&memory_left, kNever, __ATOMIC_SEQ_CST);
  __atomic_store_n(&calls_left, kNever, __ATOMIC_SEQ_CST);
  return __atomic_load_n(&struck, __ATOMIC_SEQ_CST) != 0;
}

void interrupt(bool on) { __atomic_store_n(&is_interrupting, on, __ATOMIC_SEQ_CST); }
int64_t num_interrupted() { return __atomic_load_n(&interrupted, __ATOMIC_SEQ_CST); }
int64_t live_blocks() { return __atomic_load_n(&live, __ATOMIC_SEQ_CST); }

}  // namespace faults

extern "C" {

void *malloc(size_t bytes) {
  return faults::fails(&faults::memory_left) ? faults::no_memory() : faults::counted(__libc_malloc(bytes));
}

void *calloc(size_t count, size_t bytes) {
  return faults::fails(&faults::memory_left) ? faults::no_memory()
                                             : faults::counted(__libc_calloc(count, bytes));
}

void *realloc(void *block, size_t bytes) {
  if (faults::fails(&faults::memory_left)) return faults::no_memory();
  void *moved = __libc_realloc(block, bytes);
  if (block == nullptr) faults::counted(moved);
  if (block != nullptr && bytes == 0) __atomic_sub_fetch(&faults::live, 1, __ATOMIC_RELAXED);
  return moved;
}

void *memalign(size_t alignment, size_t bytes) {
  return faults::fails(&faults::memory_left) ? faults::no_memory()
                                             : faults::counted(__libc_memalign(alignment, bytes));
}

void *aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void **block, size_t alignment, size_t bytes) {
  void *made = memalign(alignment, bytes);
  if (made == nullptr) return ENOMEM;
  *block = made;
  return 0;
}

void free(void *block) {
  if (block != nullptr) __atomic_sub_fetch(&faults::live, 1, __ATOMIC_RELAXED);
  __libc_free(block);
}

int open(const char *path, int flags, ...) {
  if (faults::is_interrupted() || faults::call_fails()) return -1;
  va_list arguments;
  va_start(arguments, flags);
  const int mode = (flags & O_CREAT) != 0 ? va_arg(arguments, int) : 0;
  va_end(arguments);
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

ssize_t write(int file, const void *data, size_t bytes) {
  if (faults::is_interrupted() || faults::call_fails()) return -1;
  const bool is_short = __atomic_load_n(&faults::is_interrupting, __ATOMIC_RELAXED);
  return syscall(SYS_write, file, data, is_short ? 1 + bytes / 3 : bytes);
}

void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset) noexcept {
  if (faults::call_fails()) return MAP_FAILED;
  return reinterpret_cast<void *>(syscall(SYS_mmap, address, bytes, protection, flags, file, offset));
}

int memfd_create(const char *name, unsigned flags) noexcept {
  return faults::call_fails() ? -1 : static_cast<int>(syscall(SYS_memfd_create, name, flags));
}

int fcntl(int file, int command, ...) {
  if (faults::call_fails()) return -1;
  va_list arguments;
  va_start(arguments, command);
  const long argument = va_arg(arguments, long);
  va_end(arguments);
  return static_cast<int>(syscall(SYS_fcntl, file, command, argument));
}

}  // extern "C"
