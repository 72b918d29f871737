// One version of a model that is served: its container, its pool, its queue, what the protocol says of it.
//
// What enters: requests, whose inputs are named tensors. What leaves: responses, with the tensors of the
// model in place. Everything that the model's table says of inputs is checked before they come near a kernel:
// names, datatypes, ranks and numbers of bytes here, sizes by the model itself.
#ifndef RUNTIME_SERVER_MODEL_H_
#define RUNTIME_SERVER_MODEL_H_

#include <memory>
#include <string>

#include "runtime/package/package.h"
#include "runtime/server/call_queue.h"
#include "runtime/server/log.h"
#include "runtime/server/service.h"
#include "runtime/serving/batcher.h"

namespace aoti::server {

struct ModelOptions {
  std::string device = "cpu";
  int32_t num_instances = 1;     // runs at a time
  int32_t threads_per_call = 1;  // 0: as the container has them
  size_t max_waiting = 64;
  // Dynamic batching (runtime/serving/batcher.h): along dimension 0. 1: off; 0: as many rows as the model
  // allows.
  int64_t max_batch_rows = 1;
  int64_t max_batch_delay_ns = 2'000'000;
  bool verify_weights = false;
  std::shared_ptr<const FileCheck> check;  // asked of every file before it is used; null: none is checked
};

// A method of a package, or a library: its container, and what keeps its code and its weights. Responses hold
// it, too: their tensors may be used, and are freed, after the model is gone.
struct LoadedModel {
  LoadedModel() = default;
  ~LoadedModel() {
    if (container != nullptr) api->delete_container(container);
  }
  LoadedModel(const LoadedModel &) = delete;
  LoadedModel &operator=(const LoadedModel &) = delete;

  std::shared_ptr<Package> package;
  std::shared_ptr<LoadedLibrary> library;
  const AotiModelApi *api = nullptr;
  AOTInductorModelContainerHandle container = nullptr;
};

class Model {
 public:
  // Null with a message when the model cannot be served (no room, datatypes that the protocol does not have,
  // inputs that the library does not check).
  static std::unique_ptr<Model> create(std::shared_ptr<const LoadedModel> loaded, const std::string &name,
                                       const std::string &version, const ModelOptions &options,
                                       std::string *error);
  Model(const Model &) = delete;
  Model &operator=(const Model &) = delete;

  const std::string &version() const { return version_; }
  // Its versions are the service's to fill in.
  const ModelMetadata &metadata() const { return metadata_; }
  // Has state that its callers share (docs/state.md).
  bool has_state() const;

  void infer(std::unique_ptr<InferRequest> request, InferDone done);

  // Of requests, not of the runs that batches make of them; "ran" is of runs.
  PoolStats stats() const;
  bool is_batching() const { return batcher_ != nullptr; }
  BatcherStats batch_stats() const { return batcher_->stats(); }

 private:
  struct Call;
  struct Kept;

  Model(std::shared_ptr<const LoadedModel> loaded, const std::string &name, const std::string &version)
      : loaded_(std::move(loaded)), api_(*loaded_->api), name_(name), version_(version) {}
  bool describe(std::string *error);
  bool start(const ModelOptions &options, std::string *error);
  Status bind(Call *call) const;
  void finish(Call *call, CallStatus queued);
  Status run(Call *call, CallStatus *outcome);
  Status make_inputs(Call *call, std::vector<AtenTensorHandle> *handles) const;

  const std::shared_ptr<const LoadedModel> loaded_;
  const AotiModelApi &api_;
  const std::string name_, version_;
  ModelMetadata metadata_;
  std::vector<size_t> output_places_;  // in the model's outputs, of those in the metadata (not None)
  size_t max_waiting_ = 0;
  std::unique_ptr<Pool> pool_;
  std::unique_ptr<Batcher> batcher_;  // null: no batching
  mutable std::mutex mutex_;
  PoolStats counts_;  // calls, failed, deadline, cancelled: of those that the queue let through
  std::unique_ptr<CallQueue> queue_;  // last: its workers use all of the above
};

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_MODEL_H_
