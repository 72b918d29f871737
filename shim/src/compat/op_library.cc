// A library of operators for models that stock AOTInductor compiled: kernels against aoti/custom_op.h, linked
// with this file into a shared library, which //runtime/package opens (LoadOptions::op_libraries).
#include "aoti/proxy_executor.h"

namespace {

AotiOpRegistration *registrations = nullptr;

}  // namespace

extern "C" {

void aoti_register_op(AotiOpRegistration *registration) {
  registration->next = registrations;
  registrations = registration;
}

const AotiOpRegistration *aoti_registered_ops(void) { return registrations; }

}  // extern "C"
