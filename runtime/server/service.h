// What the server does, whatever the protocol: models by name and version, metadata, inference.
//
// What enters: requests that a front end (rest/, grpc/) has decoded. What leaves: responses that it encodes.
// A front end checks what belongs to its encoding (JSON, protobuf, a tensor's bytes being there at all); the
// service checks what belongs to the model: names, datatypes, shapes, numbers of bytes.
//
//   auto request = std::make_unique<InferRequest>();
//   request->model = "minilm";
//   request->inputs.push_back({"x", Datatype::kFp32, {1, 4}, Buffer::of(std::move(bytes))});
//   service->infer(std::move(request), [mailbox](Status status, std::unique_ptr<InferResponse> response) {
//     // on a thread of the service's: encode here, then go back to the thread of the connection
//     mailbox->post([...](Session *session) { ... });
//   });
//
// Service is an interface, so that a front end's tests need no model. All of it is thread-safe.
#ifndef RUNTIME_SERVER_SERVICE_H_
#define RUNTIME_SERVER_SERVICE_H_

#include <stddef.h>
#include <stdint.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/server/datatype.h"
#include "runtime/server/status.h"
#include "runtime/serving/pool.h"

namespace aoti::server {

// Bytes and whoever keeps them: a part of a request's body, or a tensor that a model returned.
struct Buffer {
  const uint8_t *data = nullptr;
  size_t size = 0;
  std::shared_ptr<const void> owner;

  static Buffer of(std::string bytes);
};

// Row-major, little-endian, without gaps: the protocol's raw form. BOOL: one byte each, 0 or 1.
struct Tensor {
  std::string name;
  Datatype datatype = Datatype::kFp32;
  std::vector<int64_t> shape;
  Buffer bytes;  // size is tensor_bytes(datatype, shape) in responses; in requests the service checks it
};

struct TensorMetadata {
  std::string name;
  Datatype datatype = Datatype::kFp32;
  std::vector<int64_t> shape;  // -1: any size
};

struct ModelMetadata {
  std::string name;
  std::vector<std::string> versions;  // of this name, all that are served, lowest first
  std::string platform;               // "aotinductor"
  std::vector<TensorMetadata> inputs, outputs;
};

struct ServerMetadata {
  std::string name;  // "aoti_server"
  std::string version;
  std::vector<std::string> extensions;  // "binary_tensor_data", ...
};

// One line of the repository's index.
struct ModelIndexEntry {
  std::string name, version, state;  // state: "READY"
};

struct InferRequest {
  std::string model;
  std::string version;               // "": the highest one
  std::string id;                    // of the client's, given back; may be ""
  std::vector<Tensor> inputs;        // in any order; the service goes by their names
  std::vector<std::string> outputs;  // names of those that are wanted, in this order; empty: all
  int64_t deadline_ns =
      0;  // on the clock of monotonic_ns; 0: none. Ends waiting, not running (decision 0018).
  // Set by a front end that may call cancel() when its client goes away; null: never. Ends waiting only.
  std::shared_ptr<Cancellation> cancellation;
};

struct InferResponse {
  std::string model, version, id;
  std::vector<Tensor> outputs;
};

// Called exactly once, by a thread of the service's or, for what is refused at once, by the caller of infer
// before infer returns. `response` is null unless the status is ok. Must not throw, nor call infer.
using InferDone = std::function<void(Status status, std::unique_ptr<InferResponse> response)>;

class Service {
 public:
  virtual ~Service() = default;

  virtual ServerMetadata server_metadata() const = 0;
  // False while the server drains; it is live as long as it answers at all.
  virtual bool is_ready() const = 0;

  // version "": the highest one. kNotFound with a sentence that lists what there is.
  virtual Status model_metadata(const std::string &model, const std::string &version,
                                ModelMetadata *metadata) const = 0;
  // kNotFound as above; else *ready (false while the server drains).
  virtual Status model_ready(const std::string &model, const std::string &version, bool *ready) const = 0;
  virtual std::vector<ModelIndexEntry> index() const = 0;

  // Prometheus text of all models.
  virtual std::string metrics() const = 0;

  virtual void infer(std::unique_ptr<InferRequest> request, InferDone done) = 0;
};

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_SERVICE_H_
