// The "data" of a tensor in JSON -> its bytes.
#ifndef RUNTIME_SERVER_REST_JSON_ELEMENTS_H_
#define RUNTIME_SERVER_REST_JSON_ELEMENTS_H_

#include <yyjson.h>

#include <string>

#include "runtime/server/service.h"

namespace aoti::server {

// `data`: an array, flat in row-major order or nested as the shape says. Each element has to be a value of
// the datatype: whole numbers for integers, within their range, true or false for BOOL.
Status read_json_elements(yyjson_val *data, const std::string &name, Datatype datatype,
                          const std::vector<int64_t> &shape, std::string *bytes);

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_REST_JSON_ELEMENTS_H_
