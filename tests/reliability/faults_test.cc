// Every allocation and every system call of an operation fails once, and with all that follow it: the
// operation answers with a sentence (or, where it is C++ that fails, std::bad_alloc), nothing is lost, and
// the model goes on as before. Then interrupted calls and short writes, which nobody may notice. Arguments:
// the package of prefill and decode, the library `rows` with its weights file beside it.
#include "tests/reliability/faults.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include <fstream>
#include <functional>
#include <memory>
#include <new>
#include <string>

#include "runtime/package/package.h"
#include "runtime/package/safetensors.h"
#include "runtime/package/session.h"
#include "runtime/package/stock_calls.h"
#include "runtime/serving/pool.h"
#include "runtime/signature/signature.h"
#include "tests/serving/serving_models.h"

namespace {

struct Operation {
  const char *name;
  std::function<void()> prepare;           // before the fault is armed
  std::function<bool(std::string *)> run;  // with it; undoes what it made
  std::function<void()> check;             // afterwards: all is as it was, or as it should be now
};

int num_descriptors() {
  int count = 0;
  DIR *folder = opendir("/proc/self/fd");
  while (folder != nullptr && readdir(folder) != nullptr) ++count;
  if (folder != nullptr) closedir(folder);
  return count;
}

struct Outcome {
  bool ok, struck;
  int64_t lost_blocks;
  int lost_descriptors;
};

Outcome attempt(const Operation &operation, const faults::Plan &plan) {
  Outcome outcome = {};
  std::string said;
  const int descriptors = num_descriptors();
  const int64_t blocks = faults::live_blocks();
  operation.prepare();  // what it makes is the operation's to free
  faults::arm(plan);
  try {
    outcome.ok = operation.run(&said);
  } catch (const std::bad_alloc &) {
    said = "std::bad_alloc";
  }
  outcome.struck = faults::disarm();
  CHECK(outcome.ok || !said.empty());
  if (!outcome.ok && !outcome.struck) fprintf(stderr, "%s: %s\n", operation.name, said.c_str());
  said = std::string();
  outcome.lost_blocks = faults::live_blocks() - blocks;
  outcome.lost_descriptors = num_descriptors() - descriptors;
  operation.check();
  return outcome;
}

// What the system keeps for the next time is there the next time; what is lost is lost every time.
bool loses(const Operation &operation, const faults::Plan &plan, Outcome outcome) {
  for (int again = 0; again < 3 && (outcome.lost_blocks > 0 || outcome.lost_descriptors > 0); ++again)
    outcome = attempt(operation, plan);
  return outcome.lost_blocks > 0 || outcome.lost_descriptors > 0;
}

void test_each_fault(const Operation &operation, faults::What what, int error) {
  for (int warm = 0; warm < 2; ++warm) CHECK(attempt(operation, {what, INT64_MAX - 1, faults::kOnce, 0}).ok);
  int64_t faults_seen = 0, refused = 0;
  for (const faults::Times times : {faults::kOnce, faults::kFromThereOn}) {
    for (int64_t at = 1;; ++at) {
      const faults::Plan plan = {what, at, times, error};
      const Outcome outcome = attempt(operation, plan);
      if (loses(operation, plan, outcome)) {
        CHECK(false);
        fprintf(stderr, "%s: fault %lld of kind %d loses memory or a descriptor\n", operation.name,
                static_cast<long long>(at), static_cast<int>(what));
      }
      if (!outcome.struck) {
        CHECK(outcome.ok);
        break;
      }
      ++faults_seen;
      refused += !outcome.ok;
    }
  }
  printf("%-28s %s: %lld faults, %lld refused\n", operation.name,
         what == faults::kMemory ? "memory" : "calls ", static_cast<long long>(faults_seen),
         static_cast<long long>(refused));
}

void test_interrupts(const Operation &operation) {
  operation.prepare();
  std::string said;
  const int64_t before = faults::num_interrupted();
  faults::interrupt(true);
  const bool ok = operation.run(&said);
  faults::interrupt(false);
  CHECK_STR_EQ(said.c_str(), "");
  CHECK(ok);
  CHECK(faults::num_interrupted() > before);
  operation.check();
}

// The model `rows`, its container, and a pool on it.
class Rows {
 public:
  explicit Rows(const std::string &path) : path_(path), library_(aoti::load_library(path, {}, &error_)) {
    if (library_ == nullptr || api().create_with_device(&container_, 2, "cpu", nullptr) != 0) {
      fprintf(stderr, "%s\n", error_.c_str());
      exit(1);
    }
    aoti::PoolOptions options;
    options.num_instances = 2;
    options.threads_per_call = 2;
    pool_ = std::make_unique<aoti::Pool>(api(), container_, options, &error_);
    CHECK_STR_EQ(error_.c_str(), "");
    write_weights_file();
  }
  ~Rows() { CHECK_EQ(api().delete_container(container_), 0); }

  const AotiModelApi &api() const { return library_->api(); }

  Operation load() {
    return {"load, create, close", [] {}, [this](std::string *said) { return load_and_close(said); },
            [this] { check(); }};
  }
  Operation call() {
    return {"call of a pool", [this] { call_.handles(api(), inputs_); },
            [this](std::string *said) {
              AtenTensorHandle outputs[2] = {};
              const auto status = pool_->run(inputs_, 2, outputs, 2, {}, said);
              if (status == aoti::CallStatus::kOk) {
                for (AtenTensorHandle output : outputs) api().delete_tensor_object(output);
              }
              return status == aoti::CallStatus::kOk;
            },
            [this] { check(); }};
  }
  // The second set of weights has another bias; each successful exchange changes from one to the other.
  Operation exchange() {
    return {"update and swap",
            [this] {
              const float *next = has_second_ ? first_bias_ : second_bias_;
              given_ = serving::tensor(api(), next, AOTI_DTYPE_FLOAT32, {serving::kWidth});
            },
            [this](std::string *said) {
              const AOTInductorConstantMapEntry pair = {"proj.bias", given_};
              const bool ok = api().update_constants(container_, &pair, 1, true, false) == 0 &&
                              api().swap_constants(container_) == 0;
              api().delete_tensor_object(given_);  // before the message, which may find no memory
              if (ok) has_second_ = !has_second_;
              if (!ok) *said = api().last_error();
              return ok;
            },
            [this] { check(); }};
  }
  Operation update_from_file() {
    return {"update from safetensors", [] {},
            [this](std::string *said) {
              aoti::Safetensors file;
              aoti::UpdateFromFile options;
              options.full = false;
              options.inactive = true;
              return file.open(weights_file_, said) &&
                     aoti::update_constants(api(), container_, file, options, said);
            },
            [this] { check(); }};
  }
  Operation change_threads() {
    return {"threads of each instance", [] {},
            [this](std::string *said) {
              const bool ok = api().set_threads_of_each(container_, 3) == 0;
              if (!ok) *said = api().last_error();
              return ok;
            },
            [this] { check(); }};
  }

 private:
  void write_weights_file() {
    for (int64_t j = 0; j < serving::kWidth; ++j)
      first_bias_[j] = static_cast<float>(serving::formula(0, 0, j));
    const char *folder = getenv("TEST_TMPDIR");
    weights_file_ = std::string(folder != nullptr ? folder : "/tmp") + "/faults.safetensors";
    const std::string header = R"({"proj.bias":{"dtype":"F32","shape":[16],"data_offsets":[0,64]}})";
    const uint64_t length = header.size();
    std::ofstream file(weights_file_, std::ios::binary);
    file.write(reinterpret_cast<const char *>(&length), sizeof length);
    file.write(header.data(), static_cast<std::streamsize>(length));
    file.write(reinterpret_cast<const char *>(second_bias_), sizeof second_bias_);
  }

  bool load_and_close(std::string *said) const {
    const auto library = aoti::load_library(path_, {}, said);
    if (library == nullptr) return false;
    AOTInductorModelContainerHandle container = nullptr;
    const bool ok = library->api().create_with_device(&container, 1, "cpu", nullptr) == 0;
    if (!ok) *said = library->api().last_error();
    return library->api().delete_container(container) == 0 && ok;
  }

  // A call gives what the weights that should be there make of it.
  void check() {
    AtenTensorHandle inputs[2], outputs[2];
    std::string said;
    call_.handles(api(), inputs);
    CHECK(pool_->run(inputs, 2, outputs, 2, {}, &said) == aoti::CallStatus::kOk);
    CHECK_STR_EQ(said.c_str(), "");
    if (!said.empty()) return;
    if (!has_second_) return call_.check_and_delete(api(), outputs);
    for (int64_t i = 0; i < call_.rows; ++i) {
      for (int64_t j = 0; j < serving::kWidth; ++j) {
        const double linear =
            serving::project(call_.x.data() + i * serving::kWidth, j) - serving::formula(0, 0, j);
        double expected = linear > 0 ? linear : 0;
        for (int64_t k = 0; k < 2; ++k)
          expected += serving::formula(5, call_.ids[static_cast<size_t>(i * 2 + k)], j);
        CHECK_NEAR(static_cast<double>(serving::element<float>(api(), outputs[0], i * serving::kWidth + j)),
                   expected, 1e-4);
      }
    }
    for (AtenTensorHandle output : outputs) CHECK_EQ(api().delete_tensor_object(output), AOTI_TORCH_SUCCESS);
  }

  const std::string path_;
  std::string error_, weights_file_;
  const std::unique_ptr<aoti::LoadedLibrary> library_;
  AOTInductorModelContainerHandle container_ = nullptr;
  std::unique_ptr<aoti::Pool> pool_;
  const serving::RowsCall call_{5, 3};
  float first_bias_[serving::kWidth] = {}, second_bias_[serving::kWidth] = {};  // the second: zeros
  bool has_second_ = false;
  AtenTensorHandle inputs_[2] = {}, given_ = nullptr;
};

// The package, both methods, and a session over them.
class Decoding {
 public:
  explicit Decoding(const std::string &path) : path_(path), package_(aoti::Package::open(path, {}, &error_)) {
    for (const char *name : {"prefill", "decode"}) {
      aoti::PackagedMethod *method = package_ == nullptr ? nullptr : package_->method(name, &error_);
      if (method == nullptr) {
        fprintf(stderr, "%s\n", error_.c_str());
        exit(1);
      }
      methods_.push_back({name, &method->api(), method->create(1, "cpu", &error_)});
    }
    session_ = aoti::Session::create(methods_, shared_, &error_);
    CHECK_STR_EQ(error_.c_str(), "");
    if (session_ == nullptr) exit(1);
  }
  ~Decoding() {
    session_ = nullptr;
    for (const aoti::SessionMethod &method : methods_)
      CHECK_EQ(method.api->delete_container(method.container), 0);
  }

  Operation open() {
    return {"open a package, load", [] {},
            [this](std::string *said) {
              const auto package = aoti::Package::open(path_, {}, said);
              aoti::PackagedMethod *method = package == nullptr ? nullptr : package->method("decode", said);
              AOTInductorModelContainerHandle model =
                  method == nullptr ? nullptr : method->create(2, "cpu", said);
              return model != nullptr && method->api().delete_container(model) == 0;
            },
            [this] { check(); }};
  }
  Operation make_session() {
    return {"make a session", [] {},
            [this](std::string *said) { return aoti::Session::create(methods_, shared_, said) != nullptr; },
            [this] { check(); }};
  }
  // A prompt. A call that fails in its middle may have written a part of the state: what is promised is that
  // a reset begins again.
  Operation prefill() {
    return {"call of a session",
            [this] {
              x_ = serving::numbers(serving::kPrompt * serving::kWidth, ++seed_);
              input_ = serving::tensor(*methods_[0].api, x_.data(), AOTI_DTYPE_FLOAT32,
                                       {serving::kPrompt, serving::kWidth});
            },
            [this](std::string *said) {
              AtenTensorHandle outputs[2] = {};
              const bool ok = session_->run(0, &input_, 1, outputs, 2, nullptr, nullptr) == 0;
              last_ok_ = ok ? seed_ : 0;
              if (!ok) *said = methods_[0].api->last_error();
              for (AtenTensorHandle output : outputs) methods_[0].api->delete_tensor_object(output);
              return ok;
            },
            [this] { check(); }};
  }

 private:
  void check() const {
    serving::Decoder expected;
    if (last_ok_ == 0) session_->reset();
    if (last_ok_ != 0) expected.run(serving::numbers(serving::kPrompt * serving::kWidth, last_ok_));
    for (const AotiStatePlace &part : session_->state()) {
      if (strcmp(part.fqn, "count") == 0) CHECK_EQ(*static_cast<const int64_t *>(part.data), expected.count);
      if (strcmp(part.fqn, "cache") != 0) continue;
      const float *cache = static_cast<const float *>(part.data);
      for (int64_t i = 0; i < serving::kLength * serving::kWidth; ++i)
        CHECK_NEAR(static_cast<double>(cache[i]), expected.cache[i / serving::kWidth][i % serving::kWidth],
                   1e-4);
    }
  }

  const std::string path_;
  std::string error_;
  const std::unique_ptr<aoti::Package> package_;
  std::vector<aoti::SessionMethod> methods_;
  const std::vector<std::string> shared_ = {"cache", "count"};
  std::unique_ptr<aoti::Session> session_;
  std::vector<float> x_;
  AtenTensorHandle input_ = nullptr;
  int seed_ = 0, last_ok_ = 0;
};

// The calls of operators of a stock library, with arguments of each kind of container.
Operation read_calls() {
  static const std::string json =
      R"({"nodes": [{"name": "buf1", "node": {"target": "mylib::scale_all", "inputs": [)"
      R"({"name": "xs", "arg": {"as_tensors": [{"name": "a"}, {"name": "b"}]}},)"
      R"({"name": "sizes", "arg": {"as_sym_ints": [{"as_int": 1}, {"as_name": "s0"}]}},)"
      R"({"name": "words", "arg": {"as_strings": ["a word of more than twenty letters", ""]}},)"
      R"({"name": "where", "arg": {"as_device": {"type": "cpu", "index": 3}}},)"
      R"({"name": "none", "arg": {"as_none": true}}],)"
      R"("outputs": [{"as_tensors": [{"name": "c"}, {"name": "d"}]}]}}]})";
  return {"calls of a stock library", [] {},
          [](std::string *said) {
            std::vector<aoti::StockCall> calls;
            const aoti::Bytes bytes{reinterpret_cast<const uint8_t *>(json.data()), json.size()};
            return aoti::read_stock_calls(bytes, &calls, said) && calls.size() == 1;
          },
          [] {}};
}

// A package that is signed: the copy, the check, and a method of it.
Operation open_signed(const std::string &path) {
  const aoti::SecretSeed seed = aoti::make_secret();
  std::string error;
  aoti::FileMap map;
  CHECK(map.open(path, "a package", &error));
  const auto signature = std::make_shared<std::string>(aoti::write_line(aoti::sign_file(map.bytes(), seed)));
  const auto options = std::make_shared<aoti::PackageOptions>();
  options->library.check =
      std::make_shared<aoti::SignatureCheck>(std::vector<aoti::PublicKey>{aoti::public_key_of(seed)});
  options->library.signature =
      aoti::Bytes{reinterpret_cast<const uint8_t *>(signature->data()), signature->size()};
  return {"open a signed package", [] {},
          [path, options, signature](std::string *said) {
            const auto package = aoti::Package::open(path, *options, said);
            return package != nullptr && package->method("decode", said) != nullptr;
          },
          [] {}};
}

}  // namespace

int main(int argc, char **argv) {
  CHECK_EQ(argc, 3);
  if (argc != 3) return aoti_test::result();
  Decoding decoding(argv[1]);
  Rows rows(argv[2]);
  const Operation reading[] = {rows.load(), rows.update_from_file(), decoding.open(), open_signed(argv[1])};
  for (const Operation &operation : reading) {
    test_interrupts(operation);
    for (const int error : {EIO, EMFILE, ENOSPC}) test_each_fault(operation, faults::kCalls, error);
    test_each_fault(operation, faults::kMemory, 0);
  }
  for (const Operation &operation : {rows.call(), rows.exchange(), rows.change_threads(),
                                     decoding.make_session(), decoding.prefill(), read_calls()}) {
    test_each_fault(operation, faults::kMemory, 0);
  }
  return aoti_test::result();
}
