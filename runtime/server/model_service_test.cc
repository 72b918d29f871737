// Requests on the toy model: numbers, what is refused and how, the queue's bounds, deadlines, cancellation.
//   model_service_test LIBRARY_OF_THE_TOY
#include "runtime/server/model_service.h"

#include <string.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "runtime/model/testing/toy_inputs.h"

using namespace aoti::server;

namespace {

std::string library;

std::string bytes_of(const void *data, size_t size) {
  return std::string(static_cast<const char *>(data), size);
}

std::unique_ptr<InferRequest> request_of(const toy::Inputs &inputs) {
  auto request = std::make_unique<InferRequest>();
  request->model = "toy";
  request->id = "7";
  const size_t bytes = static_cast<size_t>(inputs.rows) * TOY_COLUMNS * sizeof(float);
  // Not in the model's order.
  request->inputs.push_back({"index", Datatype::kInt64, {1}, Buffer::of(bytes_of(&inputs.index, 8))});
  request->inputs.push_back(
      {"x", Datatype::kFp32, {inputs.rows, TOY_COLUMNS}, Buffer::of(bytes_of(inputs.x, bytes))});
  request->inputs.push_back(
      {"y", Datatype::kFp32, {inputs.rows, TOY_COLUMNS}, Buffer::of(bytes_of(inputs.y, bytes))});
  return request;
}

// Waits for as many answers as calls.
class Answers {
 public:
  InferDone next() {
    return [this](Status status, std::unique_ptr<InferResponse> response) {
      std::lock_guard<std::mutex> lock(mutex_);
      CHECK(status.ok() == (response != nullptr));
      statuses.push_back(std::move(status));
      responses.push_back(std::move(response));
      arrived_.notify_all();
    };
  }

  void wait_for(size_t count) {
    std::unique_lock<std::mutex> lock(mutex_);
    arrived_.wait(lock, [&] { return statuses.size() >= count; });
  }

  std::vector<Status> statuses;
  std::vector<std::unique_ptr<InferResponse>> responses;

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
};

Status ask(Service *service, std::unique_ptr<InferRequest> request,
           std::unique_ptr<InferResponse> *response = nullptr) {
  Answers answers;
  service->infer(std::move(request), answers.next());
  answers.wait_for(1);
  if (response != nullptr) *response = std::move(answers.responses[0]);
  return answers.statuses[0];
}

float at(const Tensor &tensor, int64_t i) {
  float value = 0;
  memcpy(&value, tensor.bytes.data + static_cast<size_t>(i) * sizeof value, sizeof value);
  return value;
}

// relu(x @ weight + bias) * scale, x[:, index] + y[:, index], y; in double.
void check_numbers(const toy::Inputs &inputs, const InferResponse &response) {
  const toy::Constants constants;
  CHECK_EQ(response.outputs.size(), 3u);
  CHECK(response.outputs[0].shape == (std::vector<int64_t>{inputs.rows, TOY_COLUMNS}));
  for (int64_t i = 0; i < inputs.rows; ++i) {
    for (int64_t j = 0; j < TOY_COLUMNS; ++j) {
      double sum = static_cast<double>(constants.bias[j]);
      for (int64_t k = 0; k < TOY_COLUMNS; ++k) {
        sum += static_cast<double>(inputs.x[i][k]) * static_cast<double>(constants.weight[k][j]);
      }
      const double expected = (sum > 0 ? sum : 0) * static_cast<double>(constants.scale[j]);
      CHECK_NEAR(static_cast<double>(at(response.outputs[0], i * TOY_COLUMNS + j)), expected, 1e-4);
      CHECK_EQ(at(response.outputs[2], i * TOY_COLUMNS + j), inputs.y[i][j]);
    }
    CHECK_EQ(at(response.outputs[1], i), inputs.x[i][inputs.index] + inputs.y[i][inputs.index]);
  }
}

void test_numbers(Service *service) {
  for (int64_t rows : {2, 4, 64}) {
    const toy::Inputs inputs(rows, static_cast<int>(rows));
    std::unique_ptr<InferResponse> response;
    const Status status = ask(service, request_of(inputs), &response);
    CHECK_STR_EQ(status.message.c_str(), "");
    if (response == nullptr) continue;
    CHECK_STR_EQ(response->version.c_str(), "3");
    CHECK_STR_EQ(response->id.c_str(), "7");
    CHECK_STR_EQ(response->outputs[0].name.c_str(), "mul");
    check_numbers(inputs, *response);
  }
  // Bytes that lie at an odd address, as in a body; outputs by name, in the request's order.
  const toy::Inputs inputs(2);
  auto request = request_of(inputs);
  std::string odd = "-" + bytes_of(inputs.x, 2 * sizeof inputs.x[0]);
  request->inputs[1].bytes = Buffer::of(odd);
  request->inputs[1].bytes.data += 1;
  request->inputs[1].bytes.size -= 1;
  request->outputs = {"y", "mul"};
  std::unique_ptr<InferResponse> response;
  CHECK(ask(service, std::move(request), &response).ok());
  CHECK_EQ(response->outputs.size(), 2u);
  CHECK_STR_EQ(response->outputs[0].name.c_str(), "y");
}

template <class Change>
void check_refused(Service *service, StatusCode code, const char *message, Change change) {
  auto request = request_of(toy::Inputs(4));
  change(request.get());
  const Status status = ask(service, std::move(request));
  CHECK_EQ(static_cast<int>(status.code), static_cast<int>(code));
  CHECK_CONTAINS(status.message.c_str(), message);
}

void test_refusals(Service *service) {
  const auto bad = StatusCode::kInvalidArgument;
  check_refused(service, StatusCode::kNotFound, "there is no model 'toi'; there is toy",
                [](auto *r) { r->model = "toi"; });
  check_refused(service, StatusCode::kNotFound, "no version '9'; it has 1, 3",
                [](auto *r) { r->version = "9"; });
  check_refused(service, StatusCode::kNotFound, "no version 'x'", [](auto *r) { r->version = "x"; });
  check_refused(service, bad, "no input 'z'; it has x, y, index", [](auto *r) { r->inputs[0].name = "z"; });
  check_refused(service, bad, "input 'x' is there twice", [](auto *r) { r->inputs[0] = r->inputs[1]; });
  check_refused(service, bad, "input 'y' is missing", [](auto *r) { r->inputs.pop_back(); });
  check_refused(service, bad, "input 'x' is FP64; expected FP32",
                [](auto *r) { r->inputs[1].datatype = Datatype::kFp64; });
  check_refused(service, bad, "input 'x' has shape [64]; expected 2 dimensions",
                [](auto *r) { r->inputs[1].shape = {64}; });
  check_refused(service, bad, "input 'x' has 256 bytes; expected 128",
                [](auto *r) { r->inputs[1].shape = {2, 16}; });
  check_refused(service, bad, "impossible shape", [](auto *r) { r->inputs[1].shape = {1ll << 62, 16}; });
  check_refused(service, bad, "no output 'z'; it has mul, add, y", [](auto *r) { r->outputs = {"z"}; });
  check_refused(service, bad, "output 'y' is asked for twice", [](auto *r) { r->outputs = {"y", "y"}; });
  // The model's own checks: sizes are the request's fault...
  check_refused(service, bad, "dimension 1 is 8; expected 16", [](auto *r) { r->inputs[1].shape = {8, 8}; });
  check_refused(service, bad, "dimension 0 is", [](auto *r) {
    r->inputs[1].shape = {1, 16};
    r->inputs[1].bytes.size = 64;
  });
  // ... what a kernel finds is not for the table to say.
  check_refused(service, StatusCode::kInternal, "index",
                [](auto *r) { r->inputs[0].bytes = Buffer::of(std::string("\x63\0\0\0\0\0\0\0", 8)); });
}

// A worker that is kept busy by a completion, so that what follows has to wait.
struct Blocker {
  std::mutex mutex;
  std::condition_variable changed;
  bool is_inside = false, may_leave = false;

  InferDone done() {
    return [this](Status status, std::unique_ptr<InferResponse>) {
      CHECK(status.ok());
      std::unique_lock<std::mutex> lock(mutex);
      is_inside = true;
      changed.notify_all();
      changed.wait(lock, [this] { return may_leave; });
    };
  }

  void wait_inside() {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [this] { return is_inside; });
  }

  void leave() {
    std::lock_guard<std::mutex> lock(mutex);
    may_leave = true;
    changed.notify_all();
  }
};

void test_queue() {
  ModelService service;
  ModelOptions options;
  std::string error;
  options.max_waiting = 2;
  CHECK(service.add({"toy", "1", library}, options, &error));
  Blocker blocker;
  Answers answers;
  service.infer(request_of(toy::Inputs(2)), blocker.done());
  blocker.wait_inside();
  auto late = request_of(toy::Inputs(2));
  late->deadline_ns = aoti::monotonic_ns() + 20'000'000;
  service.infer(std::move(late), answers.next());
  auto cancelled = request_of(toy::Inputs(2));
  const auto cancellation = std::make_shared<aoti::Cancellation>();
  cancelled->cancellation = cancellation;
  service.infer(std::move(cancelled), answers.next());
  Answers full;
  service.infer(request_of(toy::Inputs(2)), full.next());
  full.wait_for(1);
  CHECK(full.statuses[0].code == StatusCode::kResourceExhausted);
  CHECK_CONTAINS(full.statuses[0].message.c_str(), "2 requests are waiting already");
  // A deadline is noticed while every worker is busy.
  answers.wait_for(1);
  CHECK(answers.statuses[0].code == StatusCode::kDeadlineExceeded);
  // Whoever is gone makes room.
  Answers waiting;
  service.infer(request_of(toy::Inputs(2)), waiting.next());
  cancellation->cancel();
  service.infer(request_of(toy::Inputs(2)), waiting.next());
  answers.wait_for(2);
  CHECK(answers.statuses[1].code == StatusCode::kCancelled);
  blocker.leave();
  waiting.wait_for(2);
  CHECK(waiting.statuses[0].ok() && waiting.statuses[1].ok());
  const std::string metrics = service.metrics();
  CHECK_CONTAINS(metrics.c_str(), "aoti_calls_total{model=\"toy\",result=\"queue_full\"} 1\n");
  CHECK_CONTAINS(metrics.c_str(), "aoti_calls_total{model=\"toy\",result=\"deadline\"} 1\n");
  CHECK_CONTAINS(metrics.c_str(), "aoti_calls_total{model=\"toy\",result=\"cancelled\"} 1\n");
  CHECK_CONTAINS(metrics.c_str(), "aoti_calls_total{model=\"toy\",result=\"failed\"} 0\n");
}

// Ends with requests in the queue: they are run.
void test_end() {
  Answers answers;
  {
    ModelService service;
    std::string error;
    CHECK(service.add({"toy", "1", library}, {}, &error));
    for (int i = 0; i < 20; ++i) service.infer(request_of(toy::Inputs(64)), answers.next());
  }
  CHECK_EQ(answers.statuses.size(), 20u);
}

void test_loading() {
  ModelService service;
  std::string error;
  CHECK(!service.add({"a", "1", "/nowhere/libx.so"}, {}, &error));
  CHECK_CONTAINS(error.c_str(), "model 'a': /nowhere/libx.so");
  CHECK(!service.add({"a", "1", library + "#decode"}, {}, &error));
  CHECK_CONTAINS(error.c_str(), "is no package, so it has no method 'decode'");
  CHECK(!service.add({"a", "0", library}, {}, &error));
  CHECK_CONTAINS(error.c_str(), "version '0'");
  CHECK(service.add({"a", "1", library}, {}, &error));
  CHECK(!service.add({"a", "1", library}, {}, &error));
  CHECK_CONTAINS(error.c_str(), "'a' version 1 is there twice");
  ModelOptions batching;
  batching.max_batch_rows = 8;
  CHECK(!service.add({"b", "1", library}, batching, &error));
  CHECK_CONTAINS(error.c_str(), "is not the dynamic size along which calls are joined");
  CHECK_EQ(service.index().size(), 1u);
  CHECK(!is_version("01") && !is_version("") && !is_version("1x") && !is_version("-1") && is_version("12"));
  bool ready = false;
  CHECK(service.model_ready("a", "", &ready).ok() && ready);
  service.drain();
  CHECK(service.model_ready("a", "1", &ready).ok() && !ready);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  library = argv[1];
  ModelService service;
  std::string error;
  CHECK(service.add({"toy", "1", library}, {}, &error));
  CHECK(service.add({"toy", "3", library}, {}, &error));
  test_numbers(&service);
  test_refusals(&service);
  test_queue();
  test_end();
  test_loading();
  return aoti_test::result();
}
