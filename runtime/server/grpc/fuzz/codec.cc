// Any bytes as a message of the protocol: refused with a sentence, or a request that can be given back as a
// response. The first byte says which message.
#include "runtime/server/grpc/codec.h"

#include <stdlib.h>

using namespace aoti::server;
using namespace aoti::server::grpc;

namespace {

constexpr size_t kMaxBytes = 1 << 20;

Status decode_and_encode(const Buffer &message) {
  InferCall call;
  Status status = decode_infer(message, kMaxBytes, &call);
  if (!status.ok()) return status;
  InferResponse response;
  response.model = call.request->model;
  response.version = call.request->version;
  response.id = call.request->id;
  response.outputs = call.request->inputs;
  size_t size = 0;
  for (const Buffer &piece : encode_infer(response, call.is_raw)) size += piece.size;
  for (const Tensor &output : response.outputs) {
    if (call.is_raw && size < output.bytes.size) abort();
  }
  return {};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  const Buffer message = Buffer::of(std::string(reinterpret_cast<const char *>(data) + 1, size - 1));
  Status status;
  ModelName model;
  bool only_ready = false;
  switch (data[0] % 4) {
    case 0:
      status = decode_and_encode(message);
      break;
    case 1:
      status = decode_model_name(message, kMaxBytes, &model);
      break;
    case 2:
      status = decode_index(message, kMaxBytes, &only_ready);
      break;
    default:
      status = decode_empty(message, kMaxBytes);
  }
  if (status.ok() != status.message.empty()) abort();
  return 0;
}
