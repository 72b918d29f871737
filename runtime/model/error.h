// The message of the calling thread's last failed call into the model library.
//
// Every exported function clears the message when it starts, so AOTInductorGetLastError answers for the last
// call.
//
//   if (idx >= n) return aoti_model::fail("constant index is %zu; expected less than %zu", idx, n);
#ifndef RUNTIME_MODEL_ERROR_H_
#define RUNTIME_MODEL_ERROR_H_

#include "aoti/status.h"

namespace aoti_model {

// Sets the message (cut to 4095 bytes) and returns AOTI_RUNTIME_FAILURE.
__attribute__((format(printf, 1, 2), cold)) AOTIRuntimeError fail(const char *format, ...);

// A failed call of the shim, made while doing `what`: "what: the shim's own message".
AOTIRuntimeError fail_shim(const char *what);

// Want of memory.
AOTIRuntimeError fail_memory(const char *what, int64_t bytes);

// What the shim says of its last failure on this thread. Never null.
const char *shim_message();

void clear_error();

// Never null.
const char *last_error();

// A message under construction, over a buffer of the caller; what does not fit is cut off.
struct Text {
  char *data;
  size_t capacity;
  size_t used;
};
__attribute__((format(printf, 2, 3))) void append(Text *text, const char *format, ...);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_ERROR_H_
