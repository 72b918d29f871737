// Decodes and encodes for codec_test.py: on stdin records of kind, max_bytes, size (u32 each, little-endian)
// and a message; on stdout for each a status code, a size (u32 each) and a message, or the status's sentence.
//
//   kind 0: ModelInferRequest -> ModelInferResponse whose outputs are the inputs (those that are asked for,
//   in
//           that order) and whose model_version is "VERSION/TIMEOUT_NS"
//   kind 1: ModelMetadataRequest -> ModelMetadataResponse of made-up tensors
//   kind 2: ServerMetadataRequest -> ServerMetadataResponse
//   kind 3: RepositoryIndexRequest -> RepositoryIndexResponse, whose state says what `ready` was
//   kind 4: ModelReadyRequest -> ModelReadyResponse, true
#include <stdio.h>

#include "runtime/server/grpc/codec.h"

using namespace aoti::server;
using namespace aoti::server::grpc;

namespace {

bool read_word(uint32_t *word) { return fread(word, sizeof *word, 1, stdin) == 1; }

void write_record(const Status &status, const std::string &message) {
  const std::string &text = status.ok() ? message : status.message;
  const uint32_t words[] = {static_cast<uint32_t>(status.code), static_cast<uint32_t>(text.size())};
  fwrite(words, sizeof words, 1, stdout);
  fwrite(text.data(), 1, text.size(), stdout);
  fflush(stdout);
}

Status echo_infer(const Buffer &message, size_t max_bytes, std::string *reply) {
  InferCall call;
  Status status = decode_infer(message, max_bytes, &call);
  if (!status.ok()) return status;
  InferResponse response;
  response.model = call.request->model;
  response.version = call.request->version + "/" + std::to_string(call.timeout_ns);
  response.id = call.request->id;
  if (call.request->outputs.empty()) response.outputs = call.request->inputs;
  for (const std::string &name : call.request->outputs) {
    for (const Tensor &input : call.request->inputs) {
      if (input.name == name) response.outputs.push_back(input);
    }
  }
  for (const Buffer &piece : encode_infer(response, call.is_raw)) {
    reply->append(reinterpret_cast<const char *>(piece.data), piece.size);
  }
  return {};
}

Status echo_model(const Buffer &message, size_t max_bytes, std::string *reply) {
  ModelName model;
  Status status = decode_model_name(message, max_bytes, &model);
  if (!status.ok()) return status;
  ModelMetadata metadata;
  metadata.name = model.name;
  metadata.versions = {"1", model.version};
  metadata.platform = "aotinductor";
  metadata.inputs = {{"x", Datatype::kBf16, {-1, 4}}, {"y", Datatype::kBool, {}}};
  metadata.outputs = {{"z", Datatype::kFp64, {3}}};
  *reply = encode_model_metadata(metadata);
  return {};
}

Status echo(uint32_t kind, const Buffer &message, size_t max_bytes, std::string *reply) {
  if (kind == 0) return echo_infer(message, max_bytes, reply);
  if (kind == 1) return echo_model(message, max_bytes, reply);
  Status status;
  if (kind == 2) {
    status = decode_empty(message, max_bytes);
    *reply = encode_server_metadata({"aoti_server", "1.2", {"one", "two"}});
  } else if (kind == 3) {
    bool only_ready = false;
    status = decode_index(message, max_bytes, &only_ready);
    *reply = encode_index({{"m", "1", only_ready ? "READY" : "ANY"}, {"n", "2", "READY"}});
  } else {
    ModelName model;
    status = decode_model_name(message, max_bytes, &model);
    *reply = encode_flag(true);
  }
  return status;
}

}  // namespace

int main() {
  uint32_t kind = 0, max_bytes = 0, size = 0;
  while (read_word(&kind) && read_word(&max_bytes) && read_word(&size)) {
    std::string bytes(size, '\0');
    if (size && fread(bytes.data(), size, 1, stdin) != 1) return 1;
    std::string reply;
    const Status status = echo(kind, Buffer::of(std::move(bytes)), max_bytes, &reply);
    write_record(status, reply);
  }
  return 0;
}
