#include "runtime/model/device_name.h"

#include <string.h>

#include "runtime/model/error.h"

namespace aoti_model {
namespace {

constexpr int32_t kMaxDigits = 4;

// The number that is all of `text`; false for anything else.
bool parse_number(const char *text, int32_t *ret_number) {
  int32_t number = 0, digits = 0;
  for (; *text >= '0' && *text <= '9' && digits < kMaxDigits; ++text, ++digits)
    number = 10 * number + (*text - '0');
  *ret_number = number;
  return digits > 0 && *text == '\0';
}

}  // namespace

AOTIRuntimeError parse_device(const AotiModelDesc &desc, const char *device, int32_t *ret_index) {
  const char *expected = desc.cuda != nullptr ? "cuda" : "cpu";
  const size_t length = strlen(expected);
  *ret_index = desc.cuda != nullptr ? -1 : 0;
  if (device != nullptr && strncmp(device, expected, length) == 0) {
    if (device[length] == '\0') return AOTI_RUNTIME_SUCCESS;
    const bool numbered = device[length] == ':' && parse_number(device + length + 1, ret_index);
    if (numbered && (desc.cuda != nullptr || *ret_index == 0)) return AOTI_RUNTIME_SUCCESS;
  }
  const char *quote = device == nullptr ? "" : "\"";
  return fail("device is %s%s%s; this library was compiled for \"%s\"%s", quote,
              device == nullptr ? "null" : device, quote, expected,
              desc.cuda != nullptr ? ": expected \"cuda\" or \"cuda:N\"" : "");
}

}  // namespace aoti_model
