// What this machine can do at best: float32 multiply-adds from registers, and reads of a buffer of a given
// size.
//
// Enters: --threads=N (default 1), --read_mib=M (size of the buffer that all threads share out, default 256),
// --seconds=S (time for each of the two measurements, default 0.3), --cpus=0,1,... (one thread on each,
// default: not pinned). Leaves: one line of JSON on stdout:
//   {"threads": 1, "isa": "avx512", "fma_gflops": 118.2, "read_gbps": 21.4, "read_mib": 256}
// fma_gflops counts a multiply-add as two operations. Both are the best of many short trials, since a floor
// is a bound. With a buffer smaller than the last-level cache read_gbps is that cache's rate: give the bytes
// that the model reads.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

namespace {

// Chains of dependent multiply-adds: more than latency (4-5 cycles) times throughput (2 a cycle) of the
// processors of today.
constexpr int kChains = 12;
constexpr int kFmaSteps = 20000;

double now_s() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

template <int kBytes>
struct Vector {
  typedef float type __attribute__((vector_size(kBytes), aligned(4), may_alias));
};

// Twelve accumulators in registers; returns their sum so that nothing is removed. 2 * lanes * chains * steps
// operations.
template <int kBytes>
__attribute__((always_inline)) inline float fma_chains(float scale, float offset) {
  using V = typename Vector<kBytes>::type;
  constexpr int kLanes = kBytes / 4;
  V a = V{} + scale, b = V{} + offset;
  V x0 = b, x1 = b + 1, x2 = b + 2, x3 = b + 3, x4 = b + 4, x5 = b + 5;
  V x6 = b + 6, x7 = b + 7, x8 = b + 8, x9 = b + 9, x10 = b + 10, x11 = b + 11;
  for (int i = 0; i < kFmaSteps; ++i) {
    x0 = x0 * a + b, x1 = x1 * a + b, x2 = x2 * a + b, x3 = x3 * a + b;
    x4 = x4 * a + b, x5 = x5 * a + b, x6 = x6 * a + b, x7 = x7 * a + b;
    x8 = x8 * a + b, x9 = x9 * a + b, x10 = x10 * a + b, x11 = x11 * a + b;
  }
  V sum = ((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7)) + ((x8 + x9) + (x10 + x11));
  float total = 0;
  for (int i = 0; i < kLanes; ++i) total += sum[i];
  return total;
}

// Sum of `count` floats (a multiple of 8 vectors) with eight running sums, so that loads and not additions
// limit it.
template <int kBytes>
__attribute__((always_inline)) inline float read_all(const float *data, int64_t count) {
  using V = typename Vector<kBytes>::type;
  constexpr int kLanes = kBytes / 4;
  V sums[8] = {};
  for (int64_t i = 0; i + 8 * kLanes <= count; i += 8 * kLanes) {
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) sums[j] += *reinterpret_cast<const V *>(data + i + j * kLanes);
  }
  float total = 0;
  for (const V &sum : sums) {
    for (int i = 0; i < kLanes; ++i) total += sum[i];
  }
  return total;
}

struct Isa {
  const char *name;
  int lanes;
  float (*fma)(float, float);
  float (*read)(const float *, int64_t);
};

#if defined(__x86_64__)
__attribute__((target("avx512f,fma"))) float fma_avx512(float a, float b) { return fma_chains<64>(a, b); }
__attribute__((target("avx512f,fma"))) float read_avx512(const float *p, int64_t n) {
  return read_all<64>(p, n);
}
__attribute__((target("avx2,fma"))) float fma_avx2(float a, float b) { return fma_chains<32>(a, b); }
__attribute__((target("avx2,fma"))) float read_avx2(const float *p, int64_t n) { return read_all<32>(p, n); }
// Asks the processor itself: __builtin_cpu_supports needs a support library that not every compiler brings.
Isa best_isa() {
  unsigned eax, ebx = 0, ecx1 = 0, edx, unused;
  __get_cpuid(1, &eax, &unused, &ecx1, &edx);
  __get_cpuid_count(7, 0, &eax, &ebx, &unused, &edx);
  if ((ecx1 & bit_OSXSAVE) == 0) return {"", 0, nullptr, nullptr};
  unsigned saved_by_os, high;
  __asm__("xgetbv" : "=a"(saved_by_os), "=d"(high) : "c"(0));
  const bool ymm = (saved_by_os & 0x06) == 0x06, zmm = (saved_by_os & 0xe6) == 0xe6;
  if (zmm && (ebx & bit_AVX512F) != 0) return {"avx512", 16, fma_avx512, read_avx512};
  if (ymm && (ebx & bit_AVX2) != 0 && (ecx1 & bit_FMA) != 0) return {"avx2", 8, fma_avx2, read_avx2};
  return {"", 0, nullptr, nullptr};
}
#else
float fma_128(float a, float b) { return fma_chains<16>(a, b); }
float read_128(const float *p, int64_t n) { return read_all<16>(p, n); }
Isa best_isa() { return {"simd128", 4, fma_128, read_128}; }
#endif

struct Options {
  int threads = 1;
  double seconds = 0.3;
  int64_t read_mib = 256;
  int cpus[256];
  int num_cpus = 0;
};

struct Worker {
  pthread_t thread;
  int index;
  const Options *options;
  const Isa *isa;
  pthread_barrier_t *barrier;
  float *data;    // this thread's slice
  int64_t count;  // floats in it
  double begin_s, end_s;
  float sink;  // results go here, or the compiler drops the work
  double best_fma_s, best_read_s;
};

// One trial on all threads at once; the time is from the first start to the last end, judged by thread 0.
template <class Work>
double trial_s(Worker *self, Work work) {
  Worker *all = self - self->index;
  pthread_barrier_wait(self->barrier);
  self->begin_s = now_s();
  work();
  self->end_s = now_s();
  pthread_barrier_wait(self->barrier);
  double begin = all[0].begin_s, end = all[0].end_s;
  for (int i = 1; i < self->options->threads; ++i) {
    if (all[i].begin_s < begin) begin = all[i].begin_s;
    if (all[i].end_s > end) end = all[i].end_s;
  }
  return end - begin;
}

// Repeats trials until their times add up to `seconds`; every thread sees the same times, so all stop
// together.
template <class Work>
double best_trial_s(Worker *self, Work work) {
  double best = 1e30, total = 0;
  trial_s(self, work);  // warm-up: page faults, clock frequency
  do {
    double t = trial_s(self, work);
    total += t;
    if (t < best) best = t;
  } while (total < self->options->seconds);
  return best;
}

void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0)
    fprintf(stderr, "floor: cannot pin a thread to CPU %d, going on\n", cpu);
}

void *work(void *argument) {
  Worker *self = static_cast<Worker *>(argument);
  if (self->options->num_cpus > 0) pin(self->options->cpus[self->index % self->options->num_cpus]);
  for (int64_t i = 0; i < self->count; ++i) self->data[i] = 1e-6f;
  self->best_fma_s = best_trial_s(self, [&] { self->sink += self->isa->fma(0.999f, 0.001f); });
  self->best_read_s = best_trial_s(self, [&] { self->sink += self->isa->read(self->data, self->count); });
  return nullptr;
}

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
    const char *value = strchr(argv[i], '=');
    if (value == nullptr)
      fail("expected --threads=N, --read_mib=M, --seconds=S or --cpus=LIST, got ", argv[i]);
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
      fail("expected --threads=N, --read_mib=M, --seconds=S or --cpus=LIST, got ", argv[i]);
  }
  if (options.threads < 1 || options.threads > 256) fail("--threads must be from 1 to 256", "");
  if (options.read_mib < options.threads || options.read_mib > (1 << 20))
    fail("--read_mib must be from --threads to 1048576", "");
  return options;
}

}  // namespace

int main(int argc, char **argv) {
  const Options options = parse(argc, argv);
  const Isa isa = best_isa();
  if (isa.fma == nullptr) fail("this processor has neither AVX-512 nor AVX2 with FMA", "");
  // One mebibyte is a multiple of every vector block, so each slice is read whole.
  const int64_t slice = options.read_mib / options.threads * (1 << 20) / 4;
  pthread_barrier_t barrier;
  pthread_barrier_init(&barrier, nullptr, static_cast<unsigned>(options.threads));
  Worker *workers = static_cast<Worker *>(calloc(static_cast<size_t>(options.threads), sizeof(Worker)));
  void *memory = nullptr;
  if (workers == nullptr ||
      posix_memalign(&memory, 1 << 21, static_cast<size_t>(slice * options.threads) * 4) != 0) {
    fail("not enough memory for --read_mib", "");
  }
  for (int i = 0; i < options.threads; ++i) {
    workers[i].index = i;
    workers[i].options = &options;
    workers[i].isa = &isa;
    workers[i].barrier = &barrier;
    workers[i].data = static_cast<float *>(memory) + i * slice;
    workers[i].count = slice;
    if (pthread_create(&workers[i].thread, nullptr, work, &workers[i]) != 0)
      fail("cannot start a thread", "");
  }
  float sink = 0;
  for (int i = 0; i < options.threads; ++i) {
    pthread_join(workers[i].thread, nullptr);
    sink += workers[i].sink;
  }
  const double operations = 2.0 * isa.lanes * kChains * kFmaSteps * options.threads;
  const double bytes = 4.0 * static_cast<double>(slice) * options.threads;
  printf(
      "{\"threads\": %d, \"isa\": \"%s\", \"fma_gflops\": %.1f, \"read_gbps\": %.2f, \"read_mib\": %lld}\n",
      options.threads, isa.name, operations / workers[0].best_fma_s * 1e-9,
      bytes / workers[0].best_read_s * 1e-9, static_cast<long long>(slice * options.threads * 4 >> 20));
  if (sink == 12345.0f) fprintf(stderr, "floor: the sums came to %f\n", static_cast<double>(sink));
  return 0;
}
