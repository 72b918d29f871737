// A service without models for tests of the front end: model "m" gives its inputs back, model "wait" answers
// when the test says so, others are not found.
#ifndef RUNTIME_SERVER_GRPC_TESTING_FAKE_SERVICE_H_
#define RUNTIME_SERVER_GRPC_TESTING_FAKE_SERVICE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/server/service.h"

namespace aoti::server::grpc {

class FakeService : public Service {
 public:
  ServerMetadata server_metadata() const override { return {"fake", "1", {}}; }
  bool is_ready() const override { return ready; }

  Status model_metadata(const std::string &model, const std::string &,
                        ModelMetadata *metadata) const override {
    *metadata = {model, {"1"}, "aotinductor", {{"x", Datatype::kFp32, {-1}}}, {}};
    return find(model);
  }
  Status model_ready(const std::string &model, const std::string &, bool *ready) const override {
    *ready = true;
    return find(model);
  }
  std::vector<ModelIndexEntry> index() const override { return {{"m", "1", "READY"}}; }
  std::string metrics() const override { return ""; }

  void infer(std::unique_ptr<InferRequest> request, InferDone done) override {
    if (Status status = find(request->model); !status.ok()) return done(std::move(status), nullptr);
    const bool waits = request->model == "wait";
    calls.push_back({std::move(request), std::move(done)});
    if (!waits) answer(calls.size() - 1);
  }

  void answer(size_t call) {
    auto response = std::make_unique<InferResponse>();
    response->model = calls[call].request->model;
    response->version = "1";
    response->outputs = calls[call].request->inputs;
    calls[call].done({}, std::move(response));
  }

  struct Waiting {
    std::unique_ptr<InferRequest> request;
    InferDone done;
  };
  std::vector<Waiting> calls;  // all that came
  bool ready = true;

 private:
  static Status find(const std::string &model) {
    if (model == "m" || model == "wait") return {};
    return {StatusCode::kNotFound, "there is no model '" + model + "' (100%)"};
  }
};

// Letters wait until the test delivers them, as they do for the loop.
class FakeMailbox : public Mailbox {
 public:
  void post(std::function<void(Session *session)> letter) override { letters_.push_back(std::move(letter)); }
  bool deliver(Session *session) {
    const auto letters = std::exchange(letters_, {});
    for (const auto &letter : letters) letter(session);
    return !letters.empty();
  }

 private:
  std::vector<std::function<void(Session *session)>> letters_;
};

}  // namespace aoti::server::grpc

#endif  // RUNTIME_SERVER_GRPC_TESTING_FAKE_SERVICE_H_
