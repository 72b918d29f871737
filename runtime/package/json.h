// Reads JSON (RFC 8259) that comes from outside: the index of a package, the header of a safetensors file.
//
// What enters: bytes. What leaves: a tree of `Json`, or false with the place and what was expected there.
// Stricter than most readers, because what is ambiguous is refused: no duplicate names in an object, no
// nesting deeper than kMaxJsonDepth, no bytes after the value, valid UTF-8 and no lone surrogates.
//
//   Json json;
//   if (!parse_json(bytes, &json, &error)) return false;
//   const Json *methods = json.find("methods");
//   uint64_t format = 0;
//   if (!json.find("format")->to_uint64(&format)) ...
#ifndef RUNTIME_PACKAGE_JSON_H_
#define RUNTIME_PACKAGE_JSON_H_

#include <string>
#include <utility>
#include <vector>

#include "runtime/package/bytes.h"

namespace aoti {

constexpr int kMaxJsonDepth = 64;

class Json {
 public:
  enum Kind { kNull, kBool, kNumber, kString, kArray, kObject };

  Kind kind = kNull;
  bool boolean = false;
  std::string text;                                   // of a string: decoded; of a number: as it was written
  std::vector<Json> items;                            // of an array
  std::vector<std::pair<std::string, Json>> members;  // of an object, in the order of the file

  // The member of that name; null when this is no object or has none.
  const Json *find(const std::string &name) const;

  // False unless this is a number written as a decimal integer that fits.
  bool to_uint64(uint64_t *value) const;
};

// False with a message, which begins with the offset, in *error.
bool parse_json(const Bytes &bytes, Json *json, std::string *error);

}  // namespace aoti

#endif  // RUNTIME_PACKAGE_JSON_H_
