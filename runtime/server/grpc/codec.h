// The protocol's messages (inference.proto) from and to the types of service.h.
//
// What enters: the bytes of one message, without gRPC's five bytes before it. What leaves: a request, or a
// status with a sentence that names the field, what was expected and what came. The codec checks what belongs
// to the encoding: that a tensor's contents are there, in the field of its datatype and in its range, that
// there are as many raw contents as inputs. Sizes against shapes, names and datatypes against the model are
// the service's.
//
//   InferCall call;
//   Status status = decode_infer(body, max_bytes, &call);                  // call.request for Service::infer
//   std::vector<Buffer> pieces = encode_infer(*response, call.is_raw);     // together one message
//
// Where memory ends, std::bad_alloc is thrown.
#ifndef RUNTIME_SERVER_GRPC_CODEC_H_
#define RUNTIME_SERVER_GRPC_CODEC_H_

#include <memory>
#include <string>
#include <vector>

#include "runtime/server/service.h"

namespace aoti::server::grpc {

struct InferCall {
  std::unique_ptr<InferRequest> request;  // without deadline and cancellation
  int64_t timeout_ns = 0;                 // of the parameter "timeout", which is in microseconds; 0: none
  bool is_raw = false;                    // the request has raw contents, so the response gets them too
};

struct ModelName {
  std::string name, version;
};

// Raw contents and texts stay in `message` (its owner is kept). What else the message takes once it is
// decoded is no more than `max_bytes`.
Status decode_infer(const Buffer &message, size_t max_bytes, InferCall *call);
// ModelReadyRequest, ModelMetadataRequest.
Status decode_model_name(const Buffer &message, size_t max_bytes, ModelName *model);
// grpc.health.v1.HealthCheckRequest: "" asks for the whole server.
Status decode_health(const Buffer &message, size_t max_bytes, std::string *service);
// ServerLiveRequest, ServerReadyRequest, ServerMetadataRequest: fields from the future are passed over.
Status decode_empty(const Buffer &message, size_t max_bytes);
// RepositoryIndexRequest.
Status decode_index(const Buffer &message, size_t max_bytes, bool *only_ready);

// ServerLiveResponse, ServerReadyResponse, ModelReadyResponse.
std::string encode_flag(bool flag);
// grpc.health.v1.HealthCheckResponse: SERVING or NOT_SERVING.
std::string encode_health(bool is_serving);
std::string encode_server_metadata(const ServerMetadata &metadata);
std::string encode_model_metadata(const ModelMetadata &metadata);
std::string encode_index(const std::vector<ModelIndexEntry> &models);
// Pieces that together are one message. Raw outputs are not copied: a piece each. Types without a typed form
// (FP16, BF16) make all outputs raw, because the protocol knows no mixture.
std::vector<Buffer> encode_infer(const InferResponse &response, bool is_raw);

}  // namespace aoti::server::grpc

#endif  // RUNTIME_SERVER_GRPC_CODEC_H_
