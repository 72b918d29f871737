#include "shim/src/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "shim/src/thread_texts.h"

namespace {

constexpr size_t kMessageBytes = 2048;
aoti_shim::ThreadTexts<kMessageBytes> messages;

const char *text_or(const char *text, const char *otherwise) { return text != nullptr ? text : otherwise; }

}  // namespace

namespace aoti_shim {

AOTITorchError fail(const char *function, const char *format, ...) {
  char *message = messages.take();
  if (message == nullptr) return AOTI_TORCH_FAILURE;
  int prefix = snprintf(message, kMessageBytes, "%s: ", function);
  if (prefix < 0 || (size_t)prefix >= kMessageBytes) return AOTI_TORCH_FAILURE;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message + prefix, kMessageBytes - (size_t)prefix, format, arguments);
  va_end(arguments);
  return AOTI_TORCH_FAILURE;
}

AOTITorchError fail_memory(const char *function, int64_t bytes) {
  return fail(function, "out of memory: could not allocate %lld bytes; free memory or use smaller inputs",
              (long long)bytes);
}

AOTITorchError fail_null(const char *function, const char *parameter) {
  return fail(function, "%s is null; expected the address of a variable to write to", parameter);
}

}  // namespace aoti_shim

extern "C" {

const char *aoti_torch_get_last_error(void) { return messages.get(); }

const char *torch_exception_get_what(void) { return messages.get(); }

const char *torch_exception_get_what_without_backtrace(void) { return messages.get(); }

void aoti_torch_check(bool cond, const char *func, const char *file, uint32_t line, const char *msg) {
  if (cond) return;
  fprintf(stderr, "aoti: check failed: %s (%s at %s:%u)\n", text_or(msg, "no message"), text_or(func, "?"),
          text_or(file, "?"), line);
  abort();
}

void aoti_torch_warn(const char *func, const char *file, uint32_t line, const char *msg) {
  fprintf(stderr, "aoti: warning: %s (%s at %s:%u)\n", text_or(msg, "no message"), text_or(func, "?"),
          text_or(file, "?"), line);
}

}  // extern "C"
