// What each thread was told last, without memory that could be missing when it is wanted.
//
// Thread-local variables of a library that dlopen loads get their memory at a thread's first use of them, and
// where there is none glibc ends the process. So texts lie in a fixed table, which costs address space only:
// a thread takes a place when it has something to keep and gives it back when it clears it. The places of
// threads that have ended are taken over once no other is free.
//
//   static aoti_shim::ThreadTexts<4096> texts;
//   char *text = texts.take();                              // null: kPlaces other threads have theirs
//   if (text != nullptr) snprintf(text, 4096, "...");
//   texts.get();                                            // the text; "" for a thread that has none
//   texts.clear();
//
// Before: __thread char message[4096], and an abort "cannot allocate memory for thread-local data". No
// constructor and no destructor, so that it may be used at any time. Used by the shim and by //runtime/model.
#ifndef SHIM_SRC_THREAD_TEXTS_H_
#define SHIM_SRC_THREAD_TEXTS_H_

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace aoti_shim {

template <size_t kBytes>
class ThreadTexts {
 public:
  static constexpr int32_t kPlaces = 256;

  // The calling thread's kBytes, of which the last stays 0.
  char *take() {
    int32_t place = find();
    for (int32_t i = 0; place < 0 && i < kPlaces; ++i) {
      if (change_owner(i, 0, self())) place = i;
    }
    for (int32_t i = 0; place < 0 && i < kPlaces; ++i) {
      const uintptr_t owner = __atomic_load_n(&owners_[i], __ATOMIC_ACQUIRE);
      if (has_ended(__atomic_load_n(&threads_[i], __ATOMIC_ACQUIRE)) && change_owner(i, owner, self()))
        place = i;
    }
    if (place < 0) {
      __atomic_store_n(&is_full_, true, __ATOMIC_RELAXED);
      return nullptr;
    }
    // A thread may find the place of an ended one that had its address: it is of this one from now on.
    __atomic_store_n(&threads_[place], static_cast<int32_t>(syscall(SYS_gettid)), __ATOMIC_RELEASE);
    int32_t used = __atomic_load_n(&used_, __ATOMIC_RELAXED);
    while (used <= place &&
           !__atomic_compare_exchange_n(&used_, &used, place + 1, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
    }
    return texts_[place];
  }

  const char *get() const {
    const int32_t place = find();
    if (place >= 0) return texts_[place];
    return __atomic_load_n(&is_full_, __ATOMIC_RELAXED)
               ? "no message was kept: those of 256 other threads were, until their next calls"
               : "";
  }

  void clear() {
    const int32_t place = find();
    if (place < 0) return;
    texts_[place][0] = '\0';
    __atomic_store_n(&threads_[place], 0, __ATOMIC_RELEASE);
    __atomic_store_n(&is_full_, false, __ATOMIC_RELAXED);
    __atomic_store_n(&owners_[place], uintptr_t{0}, __ATOMIC_RELEASE);
  }

 private:
  static uintptr_t self() { return static_cast<uintptr_t>(pthread_self()); }

  static bool has_ended(int32_t thread) {
    return thread != 0 && syscall(SYS_tgkill, getpid(), thread, 0) != 0 && errno == ESRCH;
  }

  bool change_owner(int32_t place, uintptr_t from, uintptr_t to) {
    return __atomic_compare_exchange_n(&owners_[place], &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
  }

  // The calling thread's place, -1 when it has none.
  int32_t find() const {
    const int32_t used = __atomic_load_n(&used_, __ATOMIC_ACQUIRE);
    for (int32_t i = 0; i < used; ++i) {
      if (__atomic_load_n(&owners_[i], __ATOMIC_ACQUIRE) == self()) return i;
    }
    return -1;
  }

  uintptr_t owners_[kPlaces];  // pthread_self() of those who have a place; 0: free
  int32_t threads_[kPlaces];   // the system's number of the owner
  int32_t used_;               // places from here on were never taken
  bool is_full_;
  char texts_[kPlaces][kBytes];
};

}  // namespace aoti_shim

#endif  // SHIM_SRC_THREAD_TEXTS_H_
