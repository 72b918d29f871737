#include "runtime/model/session.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/model/error.h"
#include "runtime/model/handle_mark.h"

namespace aoti_model {
namespace {

// "aotiSESS" and "aotiSGON" as little-endian numbers.
constexpr HandleKind kSessionKind = {"session", "session", 0x5353455369746f61u, 0x4e4f475369746f61u};

// The stored constant that is the state of that name; -1 when there is none.
int32_t find_state(const AotiModelDesc &desc, const char *fqn) {
  for (int32_t i = 0; fqn != nullptr && i < desc.num_constants; ++i) {
    if (desc.constants[i].is_mutated != 0 && strcmp(desc.constants[i].original_fqn, fqn) == 0) return i;
  }
  return -1;
}

AOTIRuntimeError share(const AotiModelDesc &desc, const AotiStatePlace &place, Session *session) {
  const int32_t index = find_state(desc, place.fqn);
  if (index < 0) {
    return fail("model %s has no state named '%s'", desc.name, place.fqn != nullptr ? place.fqn : "(null)");
  }
  const uint64_t expected = static_cast<uint64_t>(desc.constants[index].size_bytes);
  if (place.size_bytes != expected) {
    return fail("the shared state '%s' has %llu bytes; expected %llu: both methods must keep it alike",
                place.fqn, (unsigned long long)place.size_bytes, (unsigned long long)expected);
  }
  if (place.data == nullptr || reinterpret_cast<uintptr_t>(place.data) % AOTI_ALIGNMENT != 0) {
    return fail("the shared state '%s' is at %p; expected a multiple of %d", place.fqn, place.data,
                AOTI_ALIGNMENT);
  }
  if (session->state[index] != nullptr) return fail("the state '%s' is given twice", place.fqn);
  session->state[index] = place.data;
  return AOTI_RUNTIME_SUCCESS;
}

void write_first_value(const Session &session, int32_t index) {
  const Container &c = *session.container;
  memcpy(session.state[index], host_address(*c.desc, c.weights, index),
         static_cast<size_t>(c.desc->constants[index].size_bytes));
}

// Memory of its own for state that nobody shares.
AOTIRuntimeError own(const AotiModelDesc &desc, int32_t index, Session *session) {
  AtenTensorHandle made = nullptr;
  if (make_stored(desc.constants[index], 0, &made) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  session->owners[index] = made;
  if (aoti_torch_get_data_ptr(made, &session->state[index]) != AOTI_TORCH_SUCCESS) {
    return fail_shim(desc.constants[index].original_fqn);
  }
  write_first_value(*session, index);
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError fill(const AotiStatePlace *shared, size_t num_shared, Session *session) {
  const AotiModelDesc &desc = *session->container->desc;
  const size_t count = static_cast<size_t>(desc.num_constants) + 1;
  session->state = static_cast<void **>(calloc(count, sizeof(void *)));
  session->owners = static_cast<AtenTensorHandle *>(calloc(count, sizeof(AtenTensorHandle)));
  session->data = static_cast<const void **>(calloc(count, sizeof(void *)));
  if (session->state == nullptr || session->owners == nullptr || session->data == nullptr ||
      !queue_init(&session->turns, 1)) {
    return fail_memory("a session", static_cast<int64_t>(3 * count * sizeof(void *)));
  }
  for (size_t i = 0; i < num_shared; ++i) {
    if (share(desc, shared[i], session) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  }
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    if (desc.constants[i].is_mutated == 0 || session->state[i] != nullptr) continue;
    if (own(desc, i, session) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  }
  return AOTI_RUNTIME_SUCCESS;
}

}  // namespace

AOTIRuntimeError session_create(Container *container, const AotiStatePlace *shared, size_t num_shared,
                                Session **ret_session) {
  if (ret_session == nullptr) return fail("the address to write the session to is null");
  if (shared == nullptr && num_shared > 0)
    return fail("the shared state is null; %zu parts were announced", num_shared);
  if (!container->has_state) {
    return fail("model %s keeps no state from run to run, so its runs need no session",
                container->desc->name);
  }
  if (container->desc->cuda != nullptr) {
    return fail("model %s runs on a GPU, where there are no sessions yet; make a container for each sequence",
                container->desc->name);
  }
  Session *session = static_cast<Session *>(calloc(1, sizeof(Session)));
  if (session == nullptr) return fail_memory("a session", sizeof(Session));
  session->magic = live_mark(kSessionKind);
  session->container = container;
  if (fill(shared, num_shared, session) != AOTI_RUNTIME_SUCCESS) {
    session_destroy(session);
    return AOTI_RUNTIME_FAILURE;
  }
  *ret_session = session;
  return AOTI_RUNTIME_SUCCESS;
}

void session_destroy(Session *session) {
  for (int32_t i = 0; session->owners != nullptr && i < session->container->desc->num_constants; ++i) {
    if (session->owners[i] != nullptr) aoti_torch_delete_tensor_object(session->owners[i]);
  }
  queue_destroy(&session->turns);
  free(session->state);
  free(session->owners);
  free(session->data);
  session->magic = kSessionKind.dead;
  free(session);
}

AOTIRuntimeError session_from(const void *handle, Session **ret_session) {
  if (check_handle(handle, kSessionKind) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  *ret_session = static_cast<Session *>(const_cast<void *>(handle));
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError state_at(const AotiModelDesc &desc, const Session *session, size_t index,
                          AotiStatePlace *ret_state) {
  if (ret_state == nullptr) return fail("the address to write the state to is null");
  size_t seen = 0;
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    const AotiConstantDesc &constant = desc.constants[i];
    if (constant.is_mutated == 0 || seen++ != index) continue;
    *ret_state = AotiStatePlace{constant.original_fqn, session != nullptr ? session->state[i] : nullptr,
                                static_cast<uint64_t>(constant.size_bytes)};
    return AOTI_RUNTIME_SUCCESS;
  }
  return fail("state index is %zu; expected less than %zu", index, seen);
}

AOTIRuntimeError session_reset(Session *session) {
  queue_take_one(&session->turns);
  const AotiModelDesc &desc = *session->container->desc;
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    if (session->state[i] != nullptr) write_first_value(*session, i);
  }
  queue_give_one(&session->turns, 0);
  return AOTI_RUNTIME_SUCCESS;
}

const void *const *session_constants(Session *session, const ConstantSet &set) {
  for (int32_t i = 0; i < session->container->desc->num_constants; ++i) {
    session->data[i] = session->state[i] != nullptr ? session->state[i] : set.data[i];
  }
  return session->data;
}

}  // namespace aoti_model
