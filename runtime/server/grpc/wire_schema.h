// The messages of inference.proto as tables of upb: no code is generated, so that no protocol compiler is
// needed.
//
// Only messages that this server reads or writes have a row, under a name of its own where two have the same
// fields (ModelReadyRequest and ModelMetadataRequest are both kModelName). A map<string, InferParameter> is
// its wire form, a repeated message of key and value: of two entries with one key the later one counts.
#ifndef RUNTIME_SERVER_GRPC_WIRE_SCHEMA_H_
#define RUNTIME_SERVER_GRPC_WIRE_SCHEMA_H_

#include "upb/mini_table/message.h"

namespace aoti::server::grpc {

enum class Wire {
  kEmpty,            // ServerLiveRequest, ServerReadyRequest, ServerMetadataRequest
  kFlag,             // ServerLiveResponse, ServerReadyResponse, ModelReadyResponse: 1 live or ready
  kModelName,        // 1 name, 2 version
  kServerMetadata,   // 1 name, 2 version, 3 extensions
  kModelMetadata,    // 1 name, 2 versions, 3 platform, 4 inputs, 5 outputs
  kTensorMetadata,   // 1 name, 2 datatype, 3 shape
  kInferRequest,     // 1 model_name, 2 model_version, 3 id, 4 parameters, 5 inputs, 6 outputs, 7
                     // raw_input_contents
  kRequestedOutput,  // 1 name, 2 parameters
  kInferResponse,    // 1 model_name, 2 model_version, 3 id, 4 parameters, 5 outputs, 6 raw_output_contents
  kTensor,           // of either direction: 1 name, 2 datatype, 3 shape, 4 parameters, 5 contents
  kContents,         // 1 bool, 2 int, 3 int64, 4 uint, 5 uint64, 6 fp32, 7 fp64, 8 bytes
  kParameter,        // 1 bool, 2 int64, 3 string, 4 double, 5 uint64: one of them
  kParameterEntry,   // 1 key, 2 value
  kHealth,           // grpc.health.v1.HealthCheckResponse: 1 status; its request, 1 service, is a kModelName
  kIndexRequest,     // 1 repository_name, 2 ready
  kIndex,            // 1 models
  kIndexModel,       // 1 name, 2 version, 3 state, 4 reason
  kNumMessages
};

// Built by the first call; thread-safe. Never null.
const upb_MiniTable *wire_table(Wire message);

}  // namespace aoti::server::grpc

#endif  // RUNTIME_SERVER_GRPC_WIRE_SCHEMA_H_
