// A service without models, for tests and fuzzers of front ends: "echo" gives its inputs back, under their
// names; "late" keeps requests until the test answers them; "fails" ends in an error.
#ifndef RUNTIME_SERVER_TESTING_FAKE_SERVICE_H_
#define RUNTIME_SERVER_TESTING_FAKE_SERVICE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/server/service.h"

namespace aoti::server {

class FakeService : public Service {
 public:
  struct Late {
    std::unique_ptr<InferRequest> request;
    InferDone done;
  };

  bool is_up = true;
  std::vector<Late> late;
  InferRequest last;  // a copy of the last request

  ServerMetadata server_metadata() const override { return {"fake", "1", {"binary_tensor_data"}}; }
  bool is_ready() const override { return is_up; }

  Status model_metadata(const std::string &model, const std::string &version,
                        ModelMetadata *metadata) const override {
    bool ready = false;
    *metadata = {
        model, {"1"}, "aotinductor", {{"x", Datatype::kFp32, {-1, 2}}}, {{"y", Datatype::kInt64, {}}}};
    return model_ready(model, version, &ready);
  }

  Status model_ready(const std::string &model, const std::string &version, bool *ready) const override {
    *ready = is_up;
    if (!version.empty() && version != "1") return {StatusCode::kNotFound, "no version '" + version + "'"};
    if (model == "echo" || model == "late" || model == "fails") return {};
    return {StatusCode::kNotFound, "there is no model '" + model + "'"};
  }

  std::vector<ModelIndexEntry> index() const override { return {{"echo", "1", "READY"}}; }
  std::string metrics() const override { return "fake 1\n"; }

  void infer(std::unique_ptr<InferRequest> request, InferDone done) override {
    last = *request;
    if (request->model == "late") {
      late.push_back({std::move(request), std::move(done)});
    } else if (request->model == "fails") {
      done({StatusCode::kResourceExhausted, "full"}, nullptr);
    } else {
      done({}, answer(*request));
    }
  }

  static std::unique_ptr<InferResponse> answer(const InferRequest &request) {
    return std::make_unique<InferResponse>(InferResponse{request.model, "1", request.id, request.inputs});
  }
};

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_TESTING_FAKE_SERVICE_H_
