#include "runtime/model/handle_mark.h"

#include "runtime/model/error.h"

namespace aoti_model {

uint64_t live_mark(const HandleKind &kind) {
  static const char own = 0;  // each library has it at an address of its own
  return kind.live ^ reinterpret_cast<uintptr_t>(&own);
}

AOTIRuntimeError check_handle(const void *handle, const HandleKind &kind) {
  if (handle == nullptr) return fail("the %s handle is null; create one first", kind.handle_name);
  const uint64_t magic = *static_cast<const uint64_t *>(handle);
  if (magic == live_mark(kind)) return AOTI_RUNTIME_SUCCESS;
  return fail(
      "%p is not a %s of this library%s", handle, kind.name,
      magic == kind.dead ? ": it has been deleted" : "; use the functions of the library that made it");
}

}  // namespace aoti_model
