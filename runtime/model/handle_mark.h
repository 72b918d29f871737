// The first word of what a handle leads to: which kind of object it is, and that this library made it.
//
//   constexpr HandleKind kKind = {"session", "session", kLive, kDead};
//   session->magic = live_mark(kKind);              // when it is made; kKind.dead when it goes
//   check_handle(handle, kKind)                     // of anything that a caller gives
#ifndef RUNTIME_MODEL_HANDLE_MARK_H_
#define RUNTIME_MODEL_HANDLE_MARK_H_

#include <stdint.h>

#include "aoti/status.h"

namespace aoti_model {

struct HandleKind {
  const char *name;         // "container"
  const char *handle_name;  // what its handle is called where it is missing: "container or model"
  uint64_t live, dead;
};

// The mark of live objects of this library: other libraries of the process have others.
uint64_t live_mark(const HandleKind &kind);

// Fails for null, for what has been deleted, and for what is of another kind or library. Reads one word.
AOTIRuntimeError check_handle(const void *handle, const HandleKind &kind);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_HANDLE_MARK_H_
