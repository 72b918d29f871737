#include "runtime/model/low_priority.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/model/error.h"

namespace aoti_model {
namespace {

struct Work {
  AOTIRuntimeError (*run)(void *argument);
  void *argument;
  AOTIRuntimeError result;
  char message[4096];
};

// Of this thread alone; where the system refuses, the work runs as fast as others do.
void lower_priority() {
  const id_t self = static_cast<id_t>(syscall(SYS_gettid));
  errno = 0;
  const int now = getpriority(PRIO_PROCESS, self);
  if (errno == 0) setpriority(PRIO_PROCESS, self, now + kNicerBy);  // cut to the largest that there is
}

void *thread_main(void *argument) {
  Work *work = static_cast<Work *>(argument);
  lower_priority();
  work->result = work->run(work->argument);
  if (work->result != AOTI_RUNTIME_SUCCESS) snprintf(work->message, sizeof work->message, "%s", last_error());
  clear_error();
  return nullptr;
}

}  // namespace

AOTIRuntimeError run_at_low_priority(AOTIRuntimeError (*work)(void *argument), void *argument) {
  Work todo = {work, argument, AOTI_RUNTIME_FAILURE, ""};
  pthread_t thread;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for the program's own threads
  const bool is_made = pthread_create(&thread, nullptr, thread_main, &todo) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!is_made) return work(argument);
  pthread_join(thread, nullptr);
  return todo.result == AOTI_RUNTIME_SUCCESS ? todo.result : fail("%s", todo.message);
}

}  // namespace aoti_model
