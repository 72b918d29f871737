// Inference over REST: requests and responses in JSON, with tensors in JSON or as bytes after it (the binary
// tensor extension).
//
//   {"id": "1", "parameters": {"timeout": 50000}, "inputs": [
//     {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2.5]},
//     {"name": "ids", "shape": [1], "datatype": "INT64", "parameters": {"binary_data_size": 8}}],
//    "outputs": [{"name": "y", "parameters": {"binary_data": true}}]}
//
// Data is flat or nested as the shape says. What would change the meaning of a request and is not supported
// (shared memory, sequences, classification) is refused by name; other parameters are hints, and ignored.
#ifndef RUNTIME_SERVER_REST_INFER_JSON_H_
#define RUNTIME_SERVER_REST_INFER_JSON_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/server/service.h"

namespace aoti::server {

// How the outputs are wanted.
struct OutputForms {
  bool is_binary = false;                                  // those that are not named below
  std::vector<std::pair<std::string, bool>> is_binary_of;  // name, whether as bytes

  bool of(const std::string &name) const;
};

// `body`: `json_bytes` bytes of JSON, then those of the binary tensors, which stay where they are (`owner`
// keeps the body). Fills all but model and version of *request; a time limit becomes a deadline after
// `now_ns`.
Status read_infer_request(std::string_view body, size_t json_bytes, const std::shared_ptr<const void> &owner,
                          int64_t now_ns, InferRequest *request, OutputForms *forms);

// The response as JSON, and after it the tensors that are wanted as bytes; *json_bytes is the JSON's length,
// 0 when there are none.
Status write_infer_response(const InferResponse &response, const OutputForms &forms,
                            std::vector<Buffer> *body, size_t *json_bytes);

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_REST_INFER_JSON_H_
