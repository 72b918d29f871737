#include "runtime/model/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "aoti/model.h"
#include "shim/src/thread_texts.h"

// libtorch has this since 2.13, the lean shim always; an older libtorch prints its message to stderr instead.
extern "C" __attribute__((weak)) const char *torch_exception_get_what_without_backtrace(void);

namespace {

constexpr size_t kMessageBytes = 4096;
aoti_shim::ThreadTexts<kMessageBytes> messages;

}  // namespace

namespace aoti_model {

const char *shim_message() {
  if (torch_exception_get_what_without_backtrace == nullptr) return "see the message that libtorch printed";
  const char *what = torch_exception_get_what_without_backtrace();
  return what != nullptr && what[0] != '\0' ? what : "no message was left";
}

AOTIRuntimeError fail(const char *format, ...) {
  char *message = messages.take();
  if (message == nullptr) return AOTI_RUNTIME_FAILURE;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, kMessageBytes, format, arguments);
  va_end(arguments);
  return AOTI_RUNTIME_FAILURE;
}

AOTIRuntimeError fail_shim(const char *what) { return fail("%s: %s", what, shim_message()); }

AOTIRuntimeError fail_memory(const char *what, int64_t bytes) {
  return fail("out of memory: could not allocate %lld bytes for %s", (long long)bytes, what);
}

void clear_error() { messages.clear(); }

const char *last_error() { return messages.get(); }

void append(Text *text, const char *format, ...) {
  if (text->used + 1 >= text->capacity) return;
  va_list arguments;
  va_start(arguments, format);
  int written = vsnprintf(text->data + text->used, text->capacity - text->used, format, arguments);
  va_end(arguments);
  if (written < 0) return;
  text->used += static_cast<size_t>(written);
  if (text->used >= text->capacity) text->used = text->capacity - 1;
}

}  // namespace aoti_model

extern "C" {

int32_t aoti_model_fail(const char *file, int line, const char *format, ...) {
  char text[kMessageBytes - 256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return aoti_model::fail("%s (%s:%d)", text, file, line);
}

int32_t aoti_model_fail_call(const char *file, int line, const char *call) {
  return aoti_model::fail("%s (%s:%d, in %s)", aoti_model::shim_message(), file, line, call);
}

}  // extern "C"
