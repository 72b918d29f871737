// What the cold-start programs share: their command line, their clock, and the line of JSON that they print.
//
//   PROGRAM MODEL_FILE --threads=1 --seconds=1 --output=out.bin --input=float32:64,64=in0.bin
//   --input=int64:1,128=in1.bin
//
// Each of them loads MODEL_FILE with its own runtime, runs it once, notes the time, then runs it for
// --seconds more. It writes the bytes of the first output to --output and prints
//   {"first_result_ns": 123, "run_ms": 0.0123, "best_ms": 0.0121, "peak_rss_bytes": 1234}
// first_result_ns is CLOCK_MONOTONIC, so whoever noted that clock before starting the process knows how long
// it took; run_ms and best_ms are the median and the least time of one call. Errors: a sentence on stderr,
// exit status 1.
#ifndef TOOLS_BENCH_COLD_START_H_
#define TOOLS_BENCH_COLD_START_H_

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

namespace cold_start {

constexpr int kMaxInputs = 16;
constexpr int kMaxDims = 8;

struct Input {
  bool is_int64;  // else float32
  int64_t ndim;
  int64_t sizes[kMaxDims];
  void *data;  // contiguous, 64-byte aligned
};

struct Request {
  const char *model = nullptr;
  const char *output = nullptr;
  int threads = 1;
  double seconds = 0;
  int num_inputs = 0;
  Input inputs[kMaxInputs];
};

[[noreturn]] inline void fail(const char *what, const char *detail) {
  fprintf(stderr, "%s: %s\n", what, detail);
  exit(1);
}

inline int64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<int64_t>(t.tv_sec) * 1000000000 + t.tv_nsec;
}

// "float32:64,64=PATH" -> Input with the file's bytes.
inline Input read_input(const char *spec) {
  Input input = {};
  const char *colon = strchr(spec, ':'), *equals = strchr(spec, '=');
  if (colon == nullptr || equals == nullptr || equals < colon)
    fail("expected --input=DTYPE:SIZES=FILE, got", spec);
  input.is_int64 = strncmp(spec, "int64:", 6) == 0;
  if (!input.is_int64 && strncmp(spec, "float32:", 8) != 0)
    fail("--input takes float32 and int64, got", spec);
  int64_t numel = 1;
  for (const char *at = colon + 1; at < equals; ++at) {
    char *end;
    if (input.ndim == kMaxDims) fail("an --input has too many dimensions", spec);
    input.sizes[input.ndim] = strtoll(at, &end, 10);
    if (end == at || input.sizes[input.ndim] < 0)
      fail("expected sizes separated by commas in --input, got", spec);
    numel *= input.sizes[input.ndim++];
    at = end;
  }
  const size_t bytes = static_cast<size_t>(numel) * (input.is_int64 ? 8 : 4);
  if (posix_memalign(&input.data, 64, bytes + 64) != 0) fail("not enough memory for", spec);
  FILE *file = fopen(equals + 1, "rb");
  if (file == nullptr || fread(input.data, 1, bytes, file) != bytes)
    fail("cannot read as many bytes as the sizes say from", equals + 1);
  fclose(file);
  return input;
}

inline Request parse(int argc, char **argv) {
  Request request;
  for (int i = 1; i < argc; ++i) {
    if (strncmp(argv[i], "--threads=", 10) == 0) {
      request.threads = atoi(argv[i] + 10);
    } else if (strncmp(argv[i], "--seconds=", 10) == 0) {
      request.seconds = atof(argv[i] + 10);
    } else if (strncmp(argv[i], "--output=", 9) == 0) {
      request.output = argv[i] + 9;
    } else if (strncmp(argv[i], "--input=", 8) == 0) {
      if (request.num_inputs == kMaxInputs) fail("too many inputs, the last one was", argv[i]);
      request.inputs[request.num_inputs++] = read_input(argv[i] + 8);
    } else if (argv[i][0] != '-' && request.model == nullptr) {
      request.model = argv[i];
    } else {
      fail("expected MODEL_FILE, --threads=N, --seconds=S, --output=FILE, --input=DTYPE:SIZES=FILE, got",
           argv[i]);
    }
  }
  if (request.model == nullptr || request.threads < 1)
    fail("expected", "MODEL_FILE and --threads of at least 1");
  return request;
}

// This program's own peak (VmHWM): getrusage would give the parent's where that was larger.
inline long long peak_rss_bytes() {
  FILE *file = fopen("/proc/self/status", "r");
  char line[256];
  long long kib = 0;
  while (file != nullptr && fgets(line, sizeof line, file) != nullptr) {
    if (sscanf(line, "VmHWM: %lld kB", &kib) == 1) break;
  }
  if (file != nullptr) fclose(file);
  return kib * 1024;
}

inline int compare_ns(const void *a, const void *b) {
  const int64_t x = *static_cast<const int64_t *>(a), y = *static_cast<const int64_t *>(b);
  return x < y ? -1 : x > y;
}

// Runs once, notes the time and the memory, then repeats for request.seconds; prints the line and returns
// main's result. `run` runs the model; `first_output` gives pointer and bytes of the result of the last run.
template <class Run, class FirstOutput>
int measure(const Request &request, Run run, FirstOutput first_output) {
  run();
  const int64_t first_ns = now_ns();
  const long long peak = peak_rss_bytes();
  constexpr int kMaxSamples = 1 << 16;
  int64_t *samples = static_cast<int64_t *>(calloc(kMaxSamples, sizeof(int64_t)));
  if (samples == nullptr) fail("measure", "not enough memory");
  int count = 0;
  const int64_t end_ns = now_ns() + static_cast<int64_t>(request.seconds * 1e9);
  while (count < kMaxSamples && now_ns() < end_ns) {
    const int64_t begin_ns = now_ns();
    run();
    samples[count++] = now_ns() - begin_ns;
  }
  qsort(samples, static_cast<size_t>(count), sizeof(int64_t), compare_ns);
  if (request.output != nullptr) {
    const void *data = nullptr;
    size_t bytes = 0;
    first_output(&data, &bytes);
    FILE *file = fopen(request.output, "wb");
    if (file == nullptr || fwrite(data, 1, bytes, file) != bytes || fclose(file) != 0)
      fail("cannot write", request.output);
  }
  printf("{\"first_result_ns\": %lld, \"run_ms\": %.6f, \"best_ms\": %.6f, \"peak_rss_bytes\": %lld}\n",
         static_cast<long long>(first_ns), count > 0 ? static_cast<double>(samples[count / 2]) * 1e-6 : 0.0,
         static_cast<double>(samples[0]) * 1e-6, peak);
  free(samples);
  return 0;
}

}  // namespace cold_start

#endif  // TOOLS_BENCH_COLD_START_H_
