// A benchmark program for one model library: how long a run takes, how long a process needs to its first
// result, how much memory it holds. Links with a model library, or opens one by path.
//
//   bazel run //models:my_model_aoti_benchmark -- --threads=1
//   benchmark --library=libmy_model_aoti.so --threads=2 --rounds=5
//
// Inputs are random, made from the model's own table of inputs; what they are can be set by flags (--help).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "aoti/model_api.h"
#include "runtime/package/loader.h"

// Resolved when the program is linked with a model library.
extern "C" __attribute__((weak)) const AotiModelApi *aoti_model_api(void);

namespace {

constexpr char kHelp[] =
    "Measures one compiled model: time of a run, time from process start to the first result, memory.\n"
    "\n"
    "  --library=PATH       the model library to open (default: the one this program is linked with)\n"
    "  --threads=N          threads that one run may use (default: AOTI_NUM_THREADS, else the processors "
    "available)\n"
    "  --rounds=N           rounds of measuring (default 5); the spread between rounds shows what to trust\n"
    "  --round-ms=N         length of a round in milliseconds (default 1000); every round has at least 3 "
    "runs\n"
    "  --warmup-ms=N        time to run before measuring (default 300)\n"
    "  --startup-runs=N     processes to start for the start-up time (default 5; 0: leave it out)\n"
    "  --symbol=I:N         size of dynamic dimension number I (default: its upper bound when that is at "
    "most 1024, else\n"
    "                       its lower bound, made to fit the model's divisibility)\n"
    "  --input=DTYPE:AxBxC  dtype and sizes of the next input, in order; needed only for libraries without a "
    "table of\n"
    "                       inputs (those that stock AOTInductor made). DTYPE: float32, float64, int64, "
    "int32, bool\n"
    "  --max-int=N          integer inputs are random in 0..N (default 1, which is a token, a mask and an "
    "index everywhere)\n"
    "  --seed=N             of the random inputs (default 0)\n"
    "  --json               print one JSON object in place of the table\n"
    "\n"
    "What the numbers are: 'run' is one call with inputs that are ready, on one instance, timed one by one. "
    "min: fastest run\n"
    "of all; median: median of the rounds' medians; spread: (largest - smallest of the rounds' medians) / "
    "median. 'start-up'\n"
    "is the wall time from just before fork+exec of this program until its first result (median of the "
    "runs). 'peak' is\n"
    "the resident memory of this process at its highest; weights that are mapped count when they are "
    "touched.\n";

struct Flags {
  std::string library;
  int threads = 0;
  int rounds = 5;
  int round_ms = 1000;
  int warmup_ms = 300;
  int startup_runs = 5;
  std::vector<int64_t> symbols;  // -1: default
  std::vector<std::string> inputs;
  int64_t max_int = 1;
  uint64_t seed = 0;
  bool json = false;
  int once_fd = -1;  // the child of a start-up run: write the time of the first result here and leave
};

[[noreturn]] void die(const std::string &message) {
  fprintf(stderr, "benchmark: %s\n", message.c_str());
  exit(1);
}

int64_t number(const std::string &flag, const std::string &text, int64_t lowest) {
  char *end = nullptr;
  const long long value = strtoll(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || value < lowest) {
    die(flag + "=" + text + ": expected a whole number, at least " + std::to_string(lowest));
  }
  return value;
}

void set_symbol(const std::string &value, Flags *flags) {
  const size_t colon = value.find(':');
  if (colon == std::string::npos) die("--symbol=" + value + ": expected INDEX:SIZE, e.g. 0:32");
  const size_t index = static_cast<size_t>(number("--symbol", value.substr(0, colon), 0));
  if (flags->symbols.size() <= index) flags->symbols.resize(index + 1, -1);
  flags->symbols[index] = number("--symbol", value.substr(colon + 1), 0);
}

void set_flag(const std::string &name, const std::string &value, Flags *flags) {
  if (name == "--library") {
    flags->library = value;
  } else if (name == "--threads") {
    flags->threads = static_cast<int>(number(name, value, 1));
  } else if (name == "--rounds") {
    flags->rounds = static_cast<int>(number(name, value, 1));
  } else if (name == "--round-ms") {
    flags->round_ms = static_cast<int>(number(name, value, 0));
  } else if (name == "--warmup-ms") {
    flags->warmup_ms = static_cast<int>(number(name, value, 0));
  } else if (name == "--startup-runs") {
    flags->startup_runs = static_cast<int>(number(name, value, 0));
  } else if (name == "--symbol") {
    set_symbol(value, flags);
  } else if (name == "--input") {
    flags->inputs.push_back(value);
  } else if (name == "--max-int") {
    flags->max_int = number(name, value, 0);
  } else if (name == "--seed") {
    flags->seed = static_cast<uint64_t>(number(name, value, 0));
  } else if (name == "--json") {
    flags->json = true;
  } else if (name == "--internal-once") {
    flags->once_fd = static_cast<int>(number(name, value, 0));
  } else {
    die("unknown flag " + name + "; --help lists them");
  }
}

Flags parse(int argc, char **argv) {
  Flags flags;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      fputs(kHelp, stdout);
      exit(0);
    }
    const size_t equals = argument.find('=');
    if (equals == std::string::npos && argument != "--json")
      die(argument + ": expected --flag=value; see --help");
    set_flag(argument.substr(0, equals), equals == std::string::npos ? "" : argument.substr(equals + 1),
             &flags);
  }
  return flags;
}

int64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<int64_t>(t.tv_sec) * 1000000000 + t.tv_nsec;
}

// xorshift64*: repeatable on every platform.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 0x1234567u) {}
  uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1du;
  }
  // In [-1, 1).
  double symmetric() { return static_cast<double>(next() >> 11) * 0x1p-52 - 1.0; }

 private:
  uint64_t state_;
};

struct Input {
  int32_t dtype;
  std::vector<int64_t> sizes, strides;
  std::vector<uint8_t> data;
};

size_t element_bytes(int32_t dtype) {
  switch (dtype) {
    case AOTI_DTYPE_BOOL:
    case AOTI_DTYPE_UINT8:
    case AOTI_DTYPE_INT8:
      return 1;
    case AOTI_DTYPE_FLOAT16:
    case AOTI_DTYPE_BFLOAT16:
    case AOTI_DTYPE_INT16:
      return 2;
    case AOTI_DTYPE_FLOAT32:
    case AOTI_DTYPE_INT32:
      return 4;
    case AOTI_DTYPE_FLOAT64:
    case AOTI_DTYPE_INT64:
      return 8;
    default:
      die("dtype number " + std::to_string(dtype) +
          " of an input: this program cannot make random values of it");
  }
}

// One element as bytes, lowest first.
uint64_t random_bits(int32_t dtype, int64_t max_int, Random *random) {
  const float value = static_cast<float>(random->symmetric());
  const double wide = static_cast<double>(value);
  uint32_t bits = 0;
  uint64_t wide_bits = 0;
  memcpy(&bits, &value, sizeof bits);
  memcpy(&wide_bits, &wide, sizeof wide_bits);
  switch (dtype) {
    case AOTI_DTYPE_FLOAT32:
      return bits;
    case AOTI_DTYPE_FLOAT64:
      return wide_bits;
    case AOTI_DTYPE_BFLOAT16:
      return bits >> 16;
    // Sign and one of the ten mantissa bits patterns of 0.5 to 1: enough to be finite and not constant.
    case AOTI_DTYPE_FLOAT16:
      return (bits >> 31) << 15 | 0x3800u | (bits & 0x3ffu);
    case AOTI_DTYPE_BOOL:
      return random->next() & 1;
    default:
      return random->next() % (static_cast<uint64_t>(max_int) + 1);
  }
}

// Allocates and fills an input whose dtype, sizes and strides are set.
void fill(const Flags &flags, Random *random, Input *input) {
  const size_t bytes = element_bytes(input->dtype);
  int64_t elements = 1;
  for (size_t i = 0; i < input->sizes.size(); ++i) {
    if (input->sizes[i] == 0) elements = 0;
    if (elements != 0) elements += (input->sizes[i] - 1) * input->strides[i];
  }
  input->data.resize(static_cast<size_t>(elements) * bytes + 1);
  for (int64_t i = 0; i < elements; ++i) {
    const uint64_t bits = random_bits(input->dtype, flags.max_int, random);
    memcpy(&input->data[static_cast<size_t>(i) * bytes], &bits, bytes);
  }
}

void contiguous(Input *input) {
  input->strides.assign(input->sizes.size(), 1);
  for (size_t i = input->sizes.size(); i-- > 1;) {
    input->strides[i - 1] = input->strides[i] * std::max<int64_t>(input->sizes[i], 1);
  }
}

int64_t dim_size(const AotiDimDesc &dim, const Flags &flags) {
  if (dim.symbol < 0) return dim.lo;
  const size_t symbol = static_cast<size_t>(dim.symbol);
  if (symbol < flags.symbols.size() && flags.symbols[symbol] >= 0) return flags.symbols[symbol];
  if (dim.hi <= 1024) return dim.hi / dim.multiple_of * dim.multiple_of;
  return (dim.lo + dim.multiple_of - 1) / dim.multiple_of * dim.multiple_of;
}

Input from_table(const AotiTensorDesc &tensor, const Flags &flags) {
  Input input{tensor.dtype, {}, {}, {}};
  for (int32_t i = 0; i < tensor.ndim; ++i) input.sizes.push_back(dim_size(tensor.dims[i], flags));
  contiguous(&input);
  for (int32_t i = 0; tensor.strides != nullptr && i < tensor.ndim; ++i) {
    if (tensor.strides[i] != AOTI_ANY_STRIDE) input.strides[static_cast<size_t>(i)] = tensor.strides[i];
  }
  return input;
}

Input from_flag(const std::string &text) {
  const struct {
    const char *name;
    int32_t dtype;
  } names[] = {{"float32", AOTI_DTYPE_FLOAT32},
               {"float64", AOTI_DTYPE_FLOAT64},
               {"int64", AOTI_DTYPE_INT64},
               {"int32", AOTI_DTYPE_INT32},
               {"bool", AOTI_DTYPE_BOOL}};
  const size_t colon = text.find(':');
  for (const auto &n : names) {
    if (text.substr(0, colon) != n.name) continue;
    Input input{n.dtype, {}, {}, {}};
    for (size_t at = colon; at != std::string::npos && at + 1 < text.size();) {
      const size_t next = text.find('x', at + 1);
      input.sizes.push_back(number("--input", text.substr(at + 1, next - at - 1), 0));
      at = next;
    }
    contiguous(&input);
    return input;
  }
  die("--input=" + text + ": expected DTYPE:AxBxC, e.g. float32:64x64");
}

// The model, its inputs, and one run of it.
class Benchmark {
 public:
  explicit Benchmark(const Flags &flags) : flags_(flags) {
    open();
    Random random(flags.seed);
    size_t count = 0;
    check(api_->get_num_inputs(container_, &count));
    check(api_->get_num_outputs(container_, &num_outputs_));
    for (size_t i = 0; i < count; ++i) {
      inputs_.push_back(i < flags.inputs.size() ? from_flag(flags.inputs[i]) : from_table(table(i), flags));
      fill(flags, &random, &inputs_.back());
    }
  }

  Benchmark(const Benchmark &) = delete;
  Benchmark &operator=(const Benchmark &) = delete;

  // Before the library goes: the container's threads run its code.
  ~Benchmark() { api_->delete_container(container_); }

  // Nanoseconds of one run; making and freeing handles is outside.
  int64_t run() {
    std::vector<AtenTensorHandle> inputs(inputs_.size()), outputs(num_outputs_);
    for (size_t i = 0; i < inputs_.size(); ++i) {
      Input &input = inputs_[i];
      if (api_->create_tensor_from_blob_v2(input.data.data(), static_cast<int64_t>(input.sizes.size()),
                                           input.sizes.data(), input.strides.data(), 0, input.dtype,
                                           AOTI_DEVICE_CPU, -1, &inputs[i], 0, nullptr,
                                           0) != AOTI_TORCH_SUCCESS) {
        die(api_->last_tensor_error());
      }
    }
    const int64_t start = now_ns();
    const AOTIRuntimeError status =
        api_->run(container_, inputs.data(), inputs.size(), outputs.data(), outputs.size(), nullptr, nullptr);
    const int64_t stop = now_ns();
    check(status);
    for (AtenTensorHandle output : outputs) api_->delete_tensor_object(output);
    return stop - start;
  }

  int threads() const {
    int32_t threads = 0;
    if (api_->get_num_threads != nullptr) check(api_->get_num_threads(container_, &threads));
    return threads;
  }

  const char *name() const { return api_->desc != nullptr ? api_->desc->name : flags_.library.c_str(); }
  const char *isa() const { return api_->isa_name != nullptr ? api_->isa_name() : "unknown"; }

 private:
  void check(AOTIRuntimeError status) const {
    if (status != AOTI_RUNTIME_SUCCESS) die(api_->last_error());
  }

  void open() {
    if (!flags_.library.empty()) {
      std::string error;
      library_ = aoti::load_library(flags_.library, {}, &error);
      if (library_ == nullptr) die(error);
      api_ = &library_->api();
    } else if (aoti_model_api != nullptr) {
      api_ = aoti_model_api();
    } else {
      die("no model: link this program with a model library, or give one with --library=PATH");
    }
    check(api_->create_with_device(&container_, 1, "cpu", nullptr));
    if (flags_.threads > 0 && api_->set_num_threads != nullptr) {
      check(api_->set_num_threads(container_, flags_.threads));
    }
  }

  const AotiTensorDesc &table(size_t index) const {
    if (api_->desc == nullptr)
      die("the library has no table of inputs; describe each one with --input=DTYPE:AxBxC");
    return api_->desc->inputs[index];
  }

  Flags flags_;
  std::unique_ptr<aoti::LoadedLibrary> library_;
  const AotiModelApi *api_ = nullptr;
  AOTInductorModelContainerHandle container_ = nullptr;
  std::vector<Input> inputs_;
  size_t num_outputs_ = 0;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

struct Times {
  double min_ms = 1e300, median_ms = 0, spread = 0;
  size_t runs = 0;
};

Times measure(const Flags &flags, Benchmark *benchmark) {
  const int64_t warm = now_ns() + int64_t{flags.warmup_ms} * 1000000;
  do {
    benchmark->run();
  } while (now_ns() < warm);
  Times times;
  std::vector<double> medians;
  for (int round = 0; round < flags.rounds; ++round) {
    std::vector<double> runs;
    const int64_t end = now_ns() + int64_t{flags.round_ms} * 1000000;
    while (runs.size() < 3 || now_ns() < end) runs.push_back(static_cast<double>(benchmark->run()) * 1e-6);
    times.min_ms = std::min(times.min_ms, *std::min_element(runs.begin(), runs.end()));
    times.runs += runs.size();
    medians.push_back(median(runs));
  }
  times.median_ms = median(medians);
  times.spread = (*std::max_element(medians.begin(), medians.end()) -
                  *std::min_element(medians.begin(), medians.end())) /
                 times.median_ms;
  return times;
}

// Starts this program once more; milliseconds until it reports its first result.
double start_up_once(int argc, char **argv) {
  int ends[2];
  if (pipe(ends) != 0) die("pipe failed");
  const int64_t start = now_ns();
  const pid_t child = fork();
  if (child < 0) die("fork failed");
  if (child == 0) {
    close(ends[0]);
    std::string once = "--internal-once=" + std::to_string(ends[1]);
    std::vector<char *> arguments(argv, argv + argc);
    arguments.push_back(&once[0]);
    arguments.push_back(nullptr);
    execv("/proc/self/exe", arguments.data());
    _exit(127);
  }
  close(ends[1]);
  int64_t first_result = 0;
  const bool reported = read(ends[0], &first_result, sizeof first_result) == sizeof first_result;
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!reported || status != 0) die("a process that was started to measure start-up failed");
  return static_cast<double>(first_result - start) * 1e-6;
}

double start_up_ms(const Flags &flags, int argc, char **argv) {
  std::vector<double> times;
  for (int i = 0; i < flags.startup_runs; ++i) times.push_back(start_up_once(argc, argv));
  return times.empty() ? 0 : median(times);
}

double peak_mb() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void report(const Flags &flags, const Benchmark &benchmark, const Times &times, double startup_ms) {
  if (flags.json) {
    printf(
        "{\"model\": \"%s\", \"isa\": \"%s\", \"threads\": %d, \"runs\": %zu, \"min_ms\": %.6f, "
        "\"median_ms\": %.6f, "
        "\"spread\": %.4f, \"startup_ms\": %.3f, \"peak_mb\": %.1f}\n",
        benchmark.name(), benchmark.isa(), benchmark.threads(), times.runs, times.min_ms, times.median_ms,
        times.spread, startup_ms, peak_mb());
    return;
  }
  printf("model     %s (%s, %d thread%s)\n", benchmark.name(), benchmark.isa(), benchmark.threads(),
         benchmark.threads() == 1 ? "" : "s");
  printf("run       min %.4f ms   median %.4f ms   spread %.1f%%   (%zu runs in %d rounds)\n", times.min_ms,
         times.median_ms, times.spread * 100, times.runs, flags.rounds);
  if (flags.startup_runs > 0) printf("start-up  %.2f ms from process start to first result\n", startup_ms);
  printf("peak      %.1f MB resident\n", peak_mb());
}

}  // namespace

int main(int argc, char **argv) {
  const Flags flags = parse(argc, argv);
  if (flags.once_fd >= 0) {
    Benchmark benchmark(flags);
    benchmark.run();
    const int64_t first_result = now_ns();
    return write(flags.once_fd, &first_result, sizeof first_result) == sizeof first_result ? 0 : 1;
  }
  Benchmark benchmark(flags);  // first, so that a bad flag is reported once
  const double startup_ms = start_up_ms(flags, argc, argv);
  const Times times = measure(flags, &benchmark);
  report(flags, benchmark, times, startup_ms);
  return 0;
}
