// What this machine can do at best: multiply-adds from registers, and passes over memory.
//
// Enters: --threads=N (default 1), --read_mib=M (size of the buffer that all threads share out, default 256),
// --seconds=S (time for each measurement, default 0.3), --cpus=0,1,... (one thread on each, default: not
// pinned), --table (everything, for a person). Leaves: one line of JSON on stdout:
//   {"threads": 1, "isa": "avx512", "fma_gflops": 118.2, "bfloat16_gflops": 236.4, "read_gbps": 21.4,
//   "read_mib": 256}
// or, with --table, a line for each kind of number and instruction set and for each level of memory,
// with 1..N threads. Rates count a multiply-add as two operations, a copy as bytes read and written;
// bfloat16_gflops is 0 where the processor has no instruction for it. All are the best of many short trials,
// since a floor is a bound. With a buffer smaller than the last-level cache read_gbps is that cache's rate:
// give the bytes that the model reads.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/bench/floor_kernels.h"

namespace {

using floor_kernels::Kind;
using floor_kernels::Memory;

double now_s() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

struct Options {
  int threads = 1;
  double seconds = 0.3;
  int64_t read_mib = 256;
  bool table = false;
  int cpus[256];
  int num_cpus = 0;
};

[[noreturn]] void fail(const char *message, const char *detail) {
  fprintf(stderr, "floor: %s%s\n", message, detail);
  exit(1);
}

void parse_cpus(const char *text, Options *options) {
  while (*text != 0 && options->num_cpus < 256) {
    char *end;
    options->cpus[options->num_cpus++] = static_cast<int>(strtol(text, &end, 10));
    if (end == text || (*end != 0 && *end != ','))
      fail("--cpus expects numbers separated by commas, got ", text);
    text = *end == ',' ? end + 1 : end;
  }
}

Options parse(int argc, char **argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--table") == 0) {
      options.table = true;
      continue;
    }
    const char *value = strchr(argv[i], '=');
    if (value == nullptr)
      fail("expected --threads=N, --read_mib=M, --seconds=S, --cpus=LIST or --table, got ", argv[i]);
    ++value;
    if (strncmp(argv[i], "--threads=", 10) == 0)
      options.threads = atoi(value);
    else if (strncmp(argv[i], "--read_mib=", 11) == 0)
      options.read_mib = atoll(value);
    else if (strncmp(argv[i], "--seconds=", 10) == 0)
      options.seconds = atof(value);
    else if (strncmp(argv[i], "--cpus=", 7) == 0)
      parse_cpus(value, &options);
    else
      fail("expected --threads=N, --read_mib=M, --seconds=S, --cpus=LIST or --table, got ", argv[i]);
  }
  if (options.threads < 1 || options.threads > 256) fail("--threads must be from 1 to 256", "");
  if (options.read_mib < options.threads || options.read_mib > (1 << 20))
    fail("--read_mib must be from --threads to 1048576", "");
  return options;
}

void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0)
    fprintf(stderr, "floor: cannot pin a thread to CPU %d, going on\n", cpu);
}

// Threads that run one piece of work at the same time, again and again, until its trials add up to `seconds`.
struct Team {
  const Options &options;
  int threads;
  float *data;       // all threads' slices
  int64_t count;     // floats of each slice
  const Kind *kind;  // null: passes over memory
  Memory memory;
  bool copies;
  int64_t passes;  // over the slice in a trial, so that short ones can be timed
  pthread_barrier_t barrier;
  double begin_s[256], end_s[256], best_s;
  float sink[256];  // results go here, or the compiler drops the work
};

struct Member {
  Team *team;
  int index;
  pthread_t thread;
};

void run_once(Team *team, int index) {
  float *slice = team->data + index * team->count;
  if (team->kind != nullptr) {
    team->sink[index] += team->kind->run(0.999f, 0.001f);
    return;
  }
  for (int64_t pass = 0; pass < team->passes; ++pass) {
    if (team->copies) {
      team->memory.copy(slice, slice + team->count / 2, team->count / 2);
    } else {
      team->sink[index] += team->memory.read(slice, team->count);
    }
    __asm__ volatile("" ::: "memory");  // each pass is made
  }
}

// From the first start to the last end.
double trial_s(Team *team, int index) {
  pthread_barrier_wait(&team->barrier);
  team->begin_s[index] = now_s();
  run_once(team, index);
  team->end_s[index] = now_s();
  pthread_barrier_wait(&team->barrier);
  double begin = team->begin_s[0], end = team->end_s[0];
  for (int i = 1; i < team->threads; ++i) {
    if (team->begin_s[i] < begin) begin = team->begin_s[i];
    if (team->end_s[i] > end) end = team->end_s[i];
  }
  pthread_barrier_wait(&team->barrier);
  return end - begin;
}

void *work(void *argument) {
  const Member *self = static_cast<Member *>(argument);
  Team *team = self->team;
  const Options &options = team->options;
  if (options.num_cpus > 0) pin(options.cpus[self->index % options.num_cpus]);
  for (int64_t i = 0; i < team->count; ++i) team->data[self->index * team->count + i] = 1e-6f;
  trial_s(team, self->index);  // warm-up: page faults, clock frequency
  double best = 1e30, total = 0;
  do {  // every thread sees the same times, so all stop together
    const double t = trial_s(team, self->index);
    total += t;
    if (t < best) best = t;
  } while (total < options.seconds);
  if (self->index == 0) team->best_s = best;
  return nullptr;
}

// Seconds of the best trial of all threads.
double run_team(Team *team) {
  static Member members[256];
  pthread_barrier_init(&team->barrier, nullptr, static_cast<unsigned>(team->threads));
  for (int i = 0; i < team->threads; ++i) {
    members[i] = Member{team, i, {}};
    if (pthread_create(&members[i].thread, nullptr, work, &members[i]) != 0)
      fail("cannot start a thread", "");
  }
  for (int i = 0; i < team->threads; ++i) pthread_join(members[i].thread, nullptr);
  pthread_barrier_destroy(&team->barrier);
  return team->best_s;
}

double gflops(const Options &options, int threads, const Kind &kind) {
  Team team{options, threads, nullptr, 0, &kind, {}, false, 1, {}, {}, {}, 0, {}};
  return kind.operations * threads / run_team(&team) * 1e-9;
}

// Bytes a second, in GB, over `bytes` of all threads together.
double bandwidth(const Options &options, int threads, int64_t bytes, bool copies) {
  // a multiple of what one round of the loops takes, for both halves of a copy
  const int64_t slice = bytes / threads / 4 / 512 * 512;
  void *memory = nullptr;
  if (slice == 0 || posix_memalign(&memory, 1 << 21, static_cast<size_t>(slice * threads) * 4) != 0)
    fail("no memory of that size can be measured", "");
  const int64_t passes = slice * 4 < (4 << 20) ? (4 << 20) / (slice * 4) : 1;
  Team team{options, threads, static_cast<float *>(memory),
            slice,   nullptr, floor_kernels::memory(),
            copies,  passes,  {},
            {},      {},      0,
            {}};
  const double seconds = run_team(&team);
  free(memory);
  return 4e-9 * static_cast<double>(slice * threads * passes) / seconds;
}

double best_of(const Options &options, int threads, const char *numbers, const char **ret_isa) {
  Kind kinds[4];
  const int count = floor_kernels::kinds(kinds);
  for (int i = 0; i < count; ++i) {
    if (strcmp(kinds[i].numbers, numbers) != 0) continue;
    *ret_isa = kinds[i].isa;
    return gflops(options, threads, kinds[i]);
  }
  return 0;
}

// Half of a cache (each thread has its own L1 and L2), so that nothing else is in the way; the C library
// knows the sizes.
int64_t half_cache(int name, int64_t otherwise) {
  const long bytes = sysconf(name);
  return (bytes > 0 ? bytes : otherwise) / 2;
}

void print_table(const Options &options) {
  Kind kinds[4];
  const int count = floor_kernels::kinds(kinds);
  for (int i = 0; i < count; ++i) {
    printf("%-9s %-12s G/s   ", kinds[i].numbers, kinds[i].isa);
    for (int threads = 1; threads <= options.threads; ++threads)
      printf(" %8.1f", gflops(options, threads, kinds[i]));
    printf("\n");
  }
  const struct {
    const char *name;
    int64_t bytes;
    bool shared;
  } levels[] = {{"L1", half_cache(_SC_LEVEL1_DCACHE_SIZE, 32 << 10), false},
                {"L2", half_cache(_SC_LEVEL2_CACHE_SIZE, 1 << 20), false},
                {"L3", half_cache(_SC_LEVEL3_CACHE_SIZE, 32 << 20), true},
                {"memory", options.read_mib << 20, true}};
  for (const auto &level : levels) {
    for (int copies = 0; copies < 2; ++copies) {
      printf("%-9s %-12s GB/s  ", level.name, copies ? "copy" : "read");
      for (int threads = 1; threads <= options.threads; ++threads) {
        const int64_t bytes = level.shared ? level.bytes : level.bytes * threads;
        printf(" %8.1f", bandwidth(options, threads, bytes, copies != 0));
      }
      printf("\n");
    }
  }
}

}  // namespace

int main(int argc, char **argv) {
  const Options options = parse(argc, argv);
  const char *isa = "", *unused = "";
  Kind kinds[4];
  if (floor_kernels::kinds(kinds) == 0) fail("this processor has neither AVX-512 nor AVX2 with FMA", "");
  if (options.table) {
    print_table(options);
    return 0;
  }
  const double fma = best_of(options, options.threads, "float32", &isa);
  const double pairs = best_of(options, options.threads, "bfloat16", &unused);
  const double read = bandwidth(options, options.threads, options.read_mib << 20, false);
  printf(
      "{\"threads\": %d, \"isa\": \"%s\", \"fma_gflops\": %.1f, \"bfloat16_gflops\": %.1f, \"read_gbps\": "
      "%.2f, "
      "\"read_mib\": %lld}\n",
      options.threads, isa, fma, pairs, read, static_cast<long long>(options.read_mib));
  return 0;
}
