// A server's day in short: 32 threads call, exchange weights, load and close packages, keep sessions, give
// what must be refused, and are interrupted by signals, for --seconds=N (2). Every result is checked. From a
// minute on, memory is compared too: the last fifth of the time must not use more than the second one.
// Arguments: the package of prefill and decode, the library `large_rows` with its weights file beside it: of
// a MiB or more, so that its updates are made on a thread of lower priority (decision 0025).
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "runtime/package/package.h"
#include "runtime/package/session.h"
#include "runtime/serving/pool.h"
#include "tests/serving/serving_models.h"

namespace {

constexpr int kCallers = 14, kSessions = 8, kLoaders = 6, kRefused = 3;  // with the exchange: 32

std::atomic<bool> is_over{false};
std::atomic<int64_t> calls{0}, late{0}, exchanges{0}, steps{0}, loads{0}, refusals{0}, signals{0};

// The model `large_rows` behind a pool, with weights of which the bias changes between the model's own and
// zeros.
class Rows {
 public:
  explicit Rows(const std::string &path) : library_(aoti::load_library(path, {}, &error_)) {
    CHECK_STR_EQ(error_.c_str(), "");
    if (library_ == nullptr) exit(aoti_test::result());
    CHECK(library_->api().desc->weights_bytes >= 1 << 20);
    CHECK_EQ(api().create_with_device(&container_, 4, "cpu", nullptr), 0);
    aoti::PoolOptions options;
    options.num_instances = 4;
    options.threads_per_call = 1;
    pool_ = std::make_unique<aoti::Pool>(api(), container_, options, &error_);
    CHECK_STR_EQ(error_.c_str(), "");
    for (int64_t j = 0; j < serving::kWidth; ++j) bias_[0][j] = static_cast<float>(serving::formula(0, 0, j));
  }
  ~Rows() { CHECK_EQ(api().delete_container(container_), 0); }

  const AotiModelApi &api() const { return library_->api(); }

  void call(int seed) {
    const serving::RowsCall call(1 + seed % 9, seed);
    AtenTensorHandle inputs[2], outputs[2];
    std::string said;
    aoti::CallOptions options;
    if (seed % 5 == 0) options.deadline_ns = aoti::monotonic_ns() + 20'000;
    call.handles(api(), inputs);
    const aoti::CallStatus status = pool_->run(inputs, 2, outputs, 2, options, &said);
    if (status == aoti::CallStatus::kDeadline && options.deadline_ns != 0) {
      late += 1;
      return;
    }
    CHECK(status == aoti::CallStatus::kOk);
    if (status != aoti::CallStatus::kOk) return;
    check_and_delete(call, outputs);
    calls += 1;
  }

  // Ids beyond the table, and a shape that the model does not take.
  void refused_call(int seed) {
    serving::RowsCall call(2, seed);
    AtenTensorHandle inputs[2], outputs[2];
    std::string said;
    call.ids[0] = 1'000'000;
    call.handles(api(), inputs);
    CHECK(pool_->run(inputs, 2, outputs, 2, {}, &said) == aoti::CallStatus::kFailed);
    CHECK(!said.empty());
    inputs[0] = serving::tensor(api(), call.x.data(), AOTI_DTYPE_FLOAT32, {1, serving::kWidth});
    inputs[1] = serving::tensor(api(), call.ids.data(), AOTI_DTYPE_INT64, {2, 2});
    CHECK(pool_->run(inputs, 2, outputs, 2, {}, &said) == aoti::CallStatus::kFailed);
    CHECK_CONTAINS(said.c_str(), "input");
    refusals += 2;
  }

  void exchange(int turn) {
    AtenTensorHandle given = serving::tensor(api(), bias_[turn % 2], AOTI_DTYPE_FLOAT32, {serving::kWidth});
    const AOTInductorConstantMapEntry good = {"proj.bias", given}, unknown = {"proj.nothing", given};
    CHECK_EQ(api().update_constants(container_, &unknown, 1, true, false), 1);
    CHECK_EQ(api().update_constants(container_, &good, 1, true, false), 0);
    CHECK_EQ(api().swap_constants(container_), 0);
    CHECK_EQ(api().delete_tensor_object(given), AOTI_TORCH_SUCCESS);
    exchanges += 1;
  }

 private:
  // All rows are of one set of weights.
  void check_and_delete(const serving::RowsCall &call, AtenTensorHandle *outputs) const {
    bool is_of[2] = {true, true};
    for (int64_t i = 0; i < call.rows; ++i) {
      for (int64_t j = 0; j < serving::kWidth; ++j) {
        const double got =
            static_cast<double>(serving::element<float>(api(), outputs[0], i * serving::kWidth + j));
        double table = 0;
        for (int64_t k = 0; k < 2; ++k)
          table += serving::formula(5, call.ids[static_cast<size_t>(i * 2 + k)], j);
        const double with_bias = serving::project(call.x.data() + i * serving::kWidth, j);
        const double linear[2] = {with_bias, with_bias - serving::formula(0, 0, j)};
        for (int set = 0; set < 2; ++set)
          is_of[set] &= fabs(got - table - (linear[set] > 0 ? linear[set] : 0)) < 1e-4;
      }
    }
    CHECK(is_of[0] || is_of[1]);
    for (int i = 0; i < 2; ++i) CHECK_EQ(api().delete_tensor_object(outputs[i]), AOTI_TORCH_SUCCESS);
  }

  std::string error_;
  const std::unique_ptr<aoti::LoadedLibrary> library_;
  AOTInductorModelContainerHandle container_ = nullptr;
  std::unique_ptr<aoti::Pool> pool_;
  float bias_[2][serving::kWidth] = {};
};

// Both methods of the package with a container each.
class Decoder {
 public:
  Decoder(const std::string &path, size_t instances) : package_(aoti::Package::open(path, {}, &error_)) {
    CHECK_STR_EQ(error_.c_str(), "");
    for (const char *name : {"prefill", "decode"}) {
      aoti::PackagedMethod *method = package_ == nullptr ? nullptr : package_->method(name, &error_);
      CHECK_STR_EQ(error_.c_str(), "");
      if (method == nullptr) exit(aoti_test::result());
      methods_.push_back({name, &method->api(), method->create(instances, "cpu", &error_)});
    }
  }
  ~Decoder() {
    for (const aoti::SessionMethod &method : methods_)
      CHECK_EQ(method.api->delete_container(method.container), 0);
  }

  // A prompt and some steps in a session of its own.
  void sequence(int seed) const {
    std::string said;
    const auto session = aoti::Session::create(methods_, {"cache", "count"}, &said);
    CHECK_STR_EQ(said.c_str(), "");
    if (session == nullptr) return;
    serving::Decoder expected;
    for (int i = 0; i < 6; ++i) {
      const size_t method = i == 0 ? 0 : 1;
      const AotiModelApi &api = *methods_[method].api;
      const int64_t rows = method == 0 ? serving::kPrompt : 1;
      const std::vector<float> x = serving::numbers(rows * serving::kWidth, seed + i);
      AtenTensorHandle input = serving::tensor(api, x.data(), AOTI_DTYPE_FLOAT32, {rows, serving::kWidth}),
                       outputs[2];
      CHECK_EQ(session->run(method, &input, 1, outputs, 2, nullptr, nullptr), 0);
      expected.run(x);
      expected.check_and_delete(api, outputs);
      steps += 1;
    }
  }

 private:
  std::string error_;
  const std::unique_ptr<aoti::Package> package_;
  std::vector<aoti::SessionMethod> methods_;
};

double resident_mb() {
  long pages = 0;
  std::ifstream file("/proc/self/statm");
  file >> pages >> pages;
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

void on_signal(int) { signals += 1; }

// Interrupts the threads in turn and notes the memory; gives the notes, 100 of them.
std::vector<double> watch(int64_t seconds, const std::vector<pthread_t> &threads) {
  std::vector<double> notes;
  const int64_t began = aoti::monotonic_ns(), all = seconds * 1'000'000'000;
  for (size_t turn = 0; notes.size() < 100; ++turn) {
    pthread_kill(threads[turn % threads.size()], SIGUSR1);
    usleep(500);
    const int64_t passed = aoti::monotonic_ns() - began;
    if (passed >= all / 100 * static_cast<int64_t>(notes.size() + 1)) notes.push_back(resident_mb());
  }
  return notes;
}

double most(const std::vector<double> &notes, size_t from, size_t to) {
  double most = 0;
  for (size_t i = from; i < to; ++i) most = notes[i] > most ? notes[i] : most;
  return most;
}

template <class Work>
void start(int count, std::vector<std::thread> *threads, Work work) {
  for (int i = 0; i < count; ++i) {
    threads->emplace_back([i, work] {
      for (int turn = 0; !is_over; ++turn) work(turn * 37 + i);
    });
  }
}

void run_all(const std::string &package, const std::string &library, int64_t seconds) {
  Rows rows(library);
  const Decoder decoder(package, 3);
  std::vector<std::thread> threads;
  start(kCallers, &threads, [&](int turn) { rows.call(turn); });
  start(kSessions, &threads, [&](int turn) { decoder.sequence(turn); });
  start(kRefused, &threads, [&](int turn) {
    std::string said;
    rows.refused_call(turn);
    CHECK(aoti::Package::open(library, {}, &said) == nullptr);
    CHECK(!said.empty());
  });
  start(kLoaders, &threads, [&](int turn) {
    Decoder(package, 1).sequence(turn);
    loads += 1;
  });
  start(1, &threads, [&](int turn) {
    rows.exchange(turn / 37);
    usleep(1000);
  });
  std::vector<pthread_t> handles;
  for (std::thread &thread : threads) handles.push_back(thread.native_handle());
  const std::vector<double> memory = watch(seconds, handles);
  is_over = true;
  for (std::thread &thread : threads) thread.join();
  const double early = most(memory, 20, 40), end = most(memory, 80, 100);
  printf("resident: %.1f MB in the second fifth of the time, %.1f MB in the last\n", early, end);
  if (seconds >= 60) CHECK(end < early * 1.02 + 1);
}

}  // namespace

int main(int argc, char **argv) {
  int64_t seconds = 2;
  if (argc == 4 && strncmp(argv[3], "--seconds=", 10) == 0) seconds = atoll(argv[3] + 10);
  CHECK(argc >= 3);
  if (argc < 3) return aoti_test::result();
  struct sigaction action = {};
  action.sa_handler = on_signal;  // without SA_RESTART: what can be interrupted is
  CHECK_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
  run_all(argv[1], argv[2], seconds);
  for (const auto *count : {&calls, &exchanges, &steps, &loads, &refusals, &signals}) CHECK(*count > 0);
  printf(
      "%lld calls (%lld more too late), %lld exchanges, %lld steps of sessions, %lld loads, %lld refusals, "
      "%lld signals\n",
      (long long)calls, (long long)late, (long long)exchanges, (long long)steps, (long long)loads,
      (long long)refusals, (long long)signals);
  return aoti_test::result();
}
