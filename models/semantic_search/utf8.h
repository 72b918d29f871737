// UTF-8 to code points and back.
//
// Enters: bytes from a stranger. Leaves: Unicode scalar values. Strict (The Unicode Standard, table 3-7): no
// overlong forms, no surrogates, nothing above U+10FFFF.

#ifndef MODELS_SEMANTIC_SEARCH_UTF8_H_
#define MODELS_SEMANTIC_SEARCH_UTF8_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace semantic_search {

// The offset of the first byte of `text` that does not belong to well-formed UTF-8; npos if there is none.
size_t FindInvalidUtf8(std::string_view text);

// The code points of `text`, which must be well-formed; malformed bytes become U+FFFD one by one.
std::u32string DecodeUtf8(std::string_view text);

// Appends the UTF-8 form of `code`, a Unicode scalar value.
void AppendUtf8(char32_t code, std::string *out);

}  // namespace semantic_search

#endif  // MODELS_SEMANTIC_SEARCH_UTF8_H_
