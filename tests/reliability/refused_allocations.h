// An operation whose every allocation is refused, one after the other (faults.h): what it may do then is end
// with std::bad_alloc or say that it failed, and what it may not is lose anything.
//
//   const int64_t seen = faults::refuse_each_allocation([] {}, [&] { return answer(request); });
#ifndef TESTS_RELIABILITY_REFUSED_ALLOCATIONS_H_
#define TESTS_RELIABILITY_REFUSED_ALLOCATIONS_H_

#include <initializer_list>
#include <new>

#include "tests/reliability/faults.h"
#include "tools/testing/check.h"

namespace faults {

// One attempt with that plan, after `prepare` without it: whether it came to its good end. It may end with
// std::bad_alloc, and must lose nothing. What the system keeps for the next time is there the next time.
template <class Prepare, class Attempt>
bool attempt_once(const Prepare &prepare, const Attempt &attempt, const Plan &plan, bool *struck) {
  int64_t lost = 1;
  bool ok = false;
  for (int again = 0; again < 3 && lost > 0; ++again) {
    const int64_t before = live_blocks();
    prepare();
    arm(plan);
    try {
      ok = attempt();
    } catch (const std::bad_alloc &) {
      ok = false;
    }
    *struck = disarm();
    lost = live_blocks() - before;
  }
  CHECK_EQ(lost, int64_t{0});
  return ok;
}

// Refuses the first allocation of `attempt`, the second and so on, each alone and with all that follow it,
// until one is not reached and the attempt must be good. How many were refused.
template <class Prepare, class Attempt>
int64_t refuse_each_allocation(const Prepare &prepare, const Attempt &attempt) {
  bool struck = false;
  int64_t seen = 0;
  for (int warm = 0; warm < 2; ++warm)
    CHECK(attempt_once(prepare, attempt, {kMemory, INT64_MAX - 1, kOnce, 0}, &struck));
  for (const Times times : {kOnce, kFromThereOn}) {
    for (int64_t at = 1;; ++at, ++seen) {
      const bool ok = attempt_once(prepare, attempt, {kMemory, at, times, 0}, &struck);
      if (struck) continue;
      CHECK(ok);
      break;
    }
  }
  return seen;
}

}  // namespace faults

#endif  // TESTS_RELIABILITY_REFUSED_ALLOCATIONS_H_
