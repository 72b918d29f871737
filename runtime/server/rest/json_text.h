// JSON, written.
#ifndef RUNTIME_SERVER_REST_JSON_TEXT_H_
#define RUNTIME_SERVER_REST_JSON_TEXT_H_

#include <stdint.h>

#include <string>
#include <string_view>
#include <vector>

#include "runtime/server/service.h"

namespace aoti::server {

// In quotes, escaped; bytes that are no UTF-8 become U+FFFD.
void append_json_string(std::string *text, std::string_view value);

// "[1,-1]"
void append_json_shape(std::string *text, const std::vector<int64_t> &shape);

// The elements, flat, in row-major order: "[1,2.5]". Floating-point numbers are the shortest that read back
// as the same value. False with a message for what JSON cannot say: NaN, infinities, FP16 and BF16.
bool append_json_data(std::string *text, const Tensor &tensor, std::string *error);

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_REST_JSON_TEXT_H_
