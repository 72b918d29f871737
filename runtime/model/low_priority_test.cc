// Work at low priority: on another thread, nicer by ten; its result and its message are the caller's.
#include "runtime/model/low_priority.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/model/error.h"
#include "tools/testing/check.h"

namespace {

using aoti_model::at_low_priority;

int own_niceness() { return getpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid))); }

void test_priority() {
  const int mine = own_niceness();
  int its = -1;
  bool is_other = false, blocks_signals = false;
  const pthread_t self = pthread_self();
  CHECK_EQ(at_low_priority([&] {
             sigset_t blocked;
             pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
             blocks_signals = sigismember(&blocked, SIGTERM) == 1;
             is_other = pthread_equal(self, pthread_self()) == 0;
             its = own_niceness();
             return AOTI_RUNTIME_SUCCESS;
           }),
           AOTI_RUNTIME_SUCCESS);
  CHECK(is_other);
  CHECK(blocks_signals);
  CHECK_EQ(its, mine + aoti_model::kNicerBy < 19 ? mine + aoti_model::kNicerBy : 19);
  CHECK_EQ(own_niceness(), mine);
}

void test_message() {
  aoti_model::clear_error();
  CHECK_EQ(at_low_priority([] { return aoti_model::fail("weight '%s' is lost", "w"); }),
           AOTI_RUNTIME_FAILURE);
  CHECK_EQ(strcmp(aoti_model::last_error(), "weight 'w' is lost"), 0);
}

// A thread needs address space for its stack.
void test_without_thread() {
  pthread_attr_t attributes;
  CHECK_EQ(pthread_getattr_default_np(&attributes), 0);
  CHECK_EQ(pthread_attr_setstacksize(&attributes, size_t{1} << 46), 0);
  CHECK_EQ(pthread_setattr_default_np(&attributes), 0);
  bool is_own = false;
  const pthread_t self = pthread_self();
  CHECK_EQ(at_low_priority([&] {
             is_own = pthread_equal(self, pthread_self()) != 0;
             return aoti_model::fail("refused");
           }),
           AOTI_RUNTIME_FAILURE);
  CHECK(is_own);
  CHECK_EQ(strcmp(aoti_model::last_error(), "refused"), 0);
}

}  // namespace

int main() {
  test_priority();
  test_message();
  test_without_thread();
  return aoti_test::result();
}
