// Long work that runs of the model must not feel, such as making a new set of weights.
//
// A thread that computes for as long as a call does, at the same priority and on the same core, makes that
// call take twice its time. Ten steps of niceness leave it a tenth of a core that others want, and all of one
// that nobody wants.
//
//   int64_t bytes = 0;
//   return at_low_priority([&] { return copy_all(&bytes); });
//
// What enters: work that may fail (error.h). What leaves: its result, and its message as the calling
// thread's. Where no thread can be made, the calling thread does the work. Not for work that frees memory of
// the caller's: its deleter may want a lock that the calling thread holds (Python's, say).
#ifndef RUNTIME_MODEL_LOW_PRIORITY_H_
#define RUNTIME_MODEL_LOW_PRIORITY_H_

#include "aoti/status.h"

namespace aoti_model {

constexpr int kNicerBy = 10;

// Calls work(argument) on a thread of its own and waits for its end.
AOTIRuntimeError run_at_low_priority(AOTIRuntimeError (*work)(void *argument), void *argument);

template <class Work>
AOTIRuntimeError at_low_priority(Work work) {
  return run_at_low_priority([](void *argument) { return (*static_cast<Work *>(argument))(); }, &work);
}

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_LOW_PRIORITY_H_
