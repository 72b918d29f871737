// The fuzz target of an inference request's body: the first two bytes say how many of the others are JSON.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <algorithm>
#include <memory>
#include <string>

#include "runtime/server/rest/infer_json.h"

using namespace aoti::server;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  const auto body = std::make_shared<const std::string>(reinterpret_cast<const char *>(data) + 2, size - 2);
  const size_t json_bytes =
      std::min<size_t>(static_cast<size_t>(data[0]) | static_cast<size_t>(data[1]) << 8, body->size());
  InferRequest request;
  OutputForms forms;
  if (!read_infer_request(*body, json_bytes, body, 1, &request, &forms).ok()) return 0;
  // What was read can be written again, unless JSON cannot carry it.
  InferResponse response{"m", "1", request.id, {}};
  for (const Tensor &tensor : request.inputs) {
    size_t bytes = 0;
    // As the service would check.
    if (tensor_bytes(tensor.datatype, tensor.shape, &bytes) && bytes == tensor.bytes.size)
      response.outputs.push_back(tensor);
  }
  std::vector<Buffer> parts;
  size_t written = 0;
  const Status status = write_infer_response(response, forms, &parts, &written);
  if (status.ok() && written > 0 && parts.at(0).size != written) abort();
  return 0;
}
