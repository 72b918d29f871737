// Whether a thread records gradients: what libraries of stock AOTInductor set for the length of a call.
// Nothing here computes gradients. In a file of its own, so that a model library that does not ask has none
// of it.
#include <pthread.h>

#include "aoti/device.h"

namespace {

// Not null for a thread that has it off. A variable of the thread would be memory that the linker takes on
// its first use, and without which it ends the process (thread_texts.h); a key's value can fail, and for a
// process's first keys lies in the thread itself. Nothing here computes gradients: where there is no key, the
// mode stays on.
pthread_once_t grad_mode_once = PTHREAD_ONCE_INIT;
pthread_key_t grad_mode_off;
bool has_grad_mode = false;

void make_grad_mode(void) { has_grad_mode = pthread_key_create(&grad_mode_off, nullptr) == 0; }

// A library that is closed gives its key back.
__attribute__((destructor)) void drop_grad_mode(void) {
  if (has_grad_mode) pthread_key_delete(grad_mode_off);
}

bool find_grad_mode(void) {
  pthread_once(&grad_mode_once, make_grad_mode);
  return has_grad_mode;
}

}  // namespace

extern "C" {

bool aoti_torch_grad_mode_is_enabled(void) {
  return !find_grad_mode() || pthread_getspecific(grad_mode_off) == nullptr;
}

void aoti_torch_grad_mode_set_enabled(bool enabled) {
  if (find_grad_mode()) pthread_setspecific(grad_mode_off, enabled ? nullptr : &grad_mode_off);
}

}  // extern "C"
