// Any bytes as JSON: refused with a message, or a tree whose numbers and names can be asked for.
#include "runtime/package/json.h"

#include <stdlib.h>

namespace {

size_t walk(const aoti::Json &json) {
  uint64_t number = 0;
  size_t count = 1 + (json.to_uint64(&number) ? 1 : 0);
  for (const aoti::Json &item : json.items) count += walk(item);
  for (const auto &member : json.members) {
    if (json.find(member.first) != &member.second) abort();  // names are unique
    count += walk(member.second);
  }
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  aoti::Json json;
  std::string error;
  const bool ok = aoti::parse_json(aoti::Bytes{data, size}, &json, &error);
  if (ok != error.empty()) abort();
  return ok && walk(json) == 0 ? 1 : 0;
}
