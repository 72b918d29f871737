// Faults on purpose: memory that is refused, system calls that fail, are interrupted or do less than asked.
//
// Linking faults.cc replaces malloc and its like and the system calls that the runtime makes, for the whole
// process: the dynamic linker and loaded libraries too. Until armed they do what libc's do.
//
//   faults::arm({faults::kMemory, 3, faults::kOnce, 0});     // the third allocation from here fails
//   ...
//   const bool struck = faults::disarm();
//   CHECK_EQ(faults::live_blocks(), before);                 // nothing was lost on the way out
#ifndef TESTS_RELIABILITY_FAULTS_H_
#define TESTS_RELIABILITY_FAULTS_H_

#include <stdint.h>

namespace faults {

enum What { kMemory, kCalls };       // malloc and its like; open, mmap, memfd_create, write, fcntl
enum Times { kOnce, kFromThereOn };  // whether what comes after the n-th fails as well

struct Plan {
  What what;
  int64_t at;  // from 1
  Times times;
  int error;  // errno of a system call that fails
};

void arm(const Plan &plan);
// True when anything failed since arm.
bool disarm();

// Every second open or write is interrupted before it does anything (EINTR), and a write does a third of what
// it should. Until called with false.
void interrupt(bool on);
// How often that happened.
int64_t num_interrupted();

// Blocks of memory that are in use.
int64_t live_blocks();

}  // namespace faults

#endif  // TESTS_RELIABILITY_FAULTS_H_
