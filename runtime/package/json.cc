#include "runtime/package/json.h"

#include <unordered_set>

namespace aoti {
namespace {

bool is_digit(int c) { return c >= '0' && c <= '9'; }

void append_utf8(uint32_t code, std::string *text) {
  if (code < 0x80) {
    text->push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    text->push_back(static_cast<char>(0xc0 | code >> 6));
    text->push_back(static_cast<char>(0x80 | (code & 63)));
  } else if (code < 0x10000) {
    text->push_back(static_cast<char>(0xe0 | code >> 12));
    text->push_back(static_cast<char>(0x80 | (code >> 6 & 63)));
    text->push_back(static_cast<char>(0x80 | (code & 63)));
  } else {
    text->push_back(static_cast<char>(0xf0 | code >> 18));
    text->push_back(static_cast<char>(0x80 | (code >> 12 & 63)));
    text->push_back(static_cast<char>(0x80 | (code >> 6 & 63)));
    text->push_back(static_cast<char>(0x80 | (code & 63)));
  }
}

class Parser {
 public:
  Parser(const Bytes &bytes, std::string *error) : bytes_(bytes), error_(error) {}

  bool document(Json *json) {
    if (!value(json, 0)) return false;
    skip_space();
    return at_ == bytes_.size || fail("the end of the text");
  }

 private:
  // The byte at hand, -1 at the end.
  int peek() const { return at_ < bytes_.size ? bytes_.data[at_] : -1; }

  bool fail(const char *expected) {
    *error_ = "at byte " + std::to_string(at_) + ": expected " + expected;
    return false;
  }

  void skip_space() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
  }

  bool take(char c) {
    if (peek() != static_cast<unsigned char>(c)) return false;
    ++at_;
    return true;
  }

  bool word(const char *letters) {
    const size_t length = strlen(letters);
    if (!bytes_.contains(at_, length) || memcmp(bytes_.data + at_, letters, length) != 0) {
      return fail("a JSON value");
    }
    at_ += length;
    return true;
  }

  bool value(Json *json, int depth) {
    if (depth > kMaxJsonDepth) return fail("no deeper nesting");
    skip_space();
    switch (peek()) {
      case '{':
        return object(json, depth);
      case '[':
        return array(json, depth);
      case '"':
        json->kind = Json::kString;
        return string(&json->text);
      case 't':
      case 'f':
        json->kind = Json::kBool;
        json->boolean = peek() == 't';
        return word(json->boolean ? "true" : "false");
      case 'n':
        return word("null");
      default:
        return number(json);
    }
  }

  bool object(Json *json, int depth) {
    json->kind = Json::kObject;
    ++at_;
    std::unordered_set<std::string> names;
    skip_space();
    if (take('}')) return true;
    do {
      skip_space();
      if (peek() != '"') return fail("the name of a member");
      json->members.emplace_back();
      std::pair<std::string, Json> &member = json->members.back();
      if (!string(&member.first)) return false;
      if (!names.insert(member.first).second) return fail("a name that the object does not have yet");
      skip_space();
      if (!take(':')) return fail("':'");
      if (!value(&member.second, depth + 1)) return false;
      skip_space();
    } while (take(','));
    return take('}') || fail("',' or '}'");
  }

  bool array(Json *json, int depth) {
    json->kind = Json::kArray;
    ++at_;
    skip_space();
    if (take(']')) return true;
    do {
      json->items.emplace_back();
      if (!value(&json->items.back(), depth + 1)) return false;
      skip_space();
    } while (take(','));
    return take(']') || fail("',' or ']'");
  }

  bool digits() {
    if (!is_digit(peek())) return fail("a digit");
    while (is_digit(peek())) ++at_;
    return true;
  }

  bool number(Json *json) {
    const uint64_t begin = at_;
    json->kind = Json::kNumber;
    take('-');
    if (!is_digit(peek())) return fail("a JSON value");
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('-')) take('+');
      if (!digits()) return false;
    }
    json->text = bytes_.part(begin, at_ - begin).text();
    return true;
  }

  bool hex4(uint32_t *code) {
    *code = 0;
    for (int i = 0; i < 4; ++i) {
      const int c = peek();
      const int lower = c | 0x20;
      if (!is_digit(c) && !(lower >= 'a' && lower <= 'f')) return fail("four hexadecimal digits");
      *code = *code << 4 | static_cast<uint32_t>(is_digit(c) ? c - '0' : lower - 'a' + 10);
      ++at_;
    }
    return true;
  }

  bool escape(std::string *text) {
    static const char kFrom[] = "\"\\/bfnrt", kTo[] = "\"\\/\b\f\n\r\t";
    const int c = peek();
    ++at_;
    for (int i = 0; kFrom[i] != '\0'; ++i) {
      if (c != kFrom[i]) continue;
      text->push_back(kTo[i]);
      return true;
    }
    if (c != 'u') return fail("an escape sequence");
    uint32_t code = 0, low = 0;
    if (!hex4(&code)) return false;
    if (code >= 0xd800 && code < 0xdc00) {
      if (!take('\\') || !take('u') || !hex4(&low) || low < 0xdc00 || low > 0xdfff)
        return fail("the second half of a surrogate pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code < 0xe000) {
      return fail("the first half of a surrogate pair");
    }
    append_utf8(code, text);
    return true;
  }

  // A character of several bytes, checked: the shortest form, no surrogate, at most U+10FFFF.
  bool utf8(std::string *text) {
    const int first = peek();
    const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    static const uint32_t kSmallest[] = {0, 0x80, 0x800, 0x10000};
    if (first < 0xc2 || first > 0xf4 || !bytes_.contains(at_, static_cast<uint64_t>(more) + 1)) {
      return fail("valid UTF-8");
    }
    uint32_t code = static_cast<uint32_t>(first) & (0x3fu >> more);
    for (int i = 1; i <= more; ++i) {
      const uint32_t next = bytes_.data[at_ + static_cast<uint64_t>(i)];
      if ((next & 0xc0) != 0x80) return fail("valid UTF-8");
      code = code << 6 | (next & 63);
    }
    if (code < kSmallest[more] || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff) {
      return fail("valid UTF-8");
    }
    text->append(reinterpret_cast<const char *>(bytes_.data + at_), static_cast<size_t>(more) + 1);
    at_ += static_cast<uint64_t>(more) + 1;
    return true;
  }

  bool string(std::string *text) {
    ++at_;
    for (;;) {
      const int c = peek();
      if (c < 0x20) return fail("a character of a string or '\"'");
      if (take('"')) return true;
      if (take('\\')) {
        if (!escape(text)) return false;
      } else if (c < 0x80) {
        text->push_back(static_cast<char>(c));
        ++at_;
      } else if (!utf8(text)) {
        return false;
      }
    }
  }

  const Bytes bytes_;
  std::string *const error_;
  uint64_t at_ = 0;
};

}  // namespace

const Json *Json::find(const std::string &name) const {
  for (const auto &member : members) {
    if (member.first == name) return &member.second;
  }
  return nullptr;
}

bool Json::to_uint64(uint64_t *value) const {
  if (kind != kNumber || text.size() > 20) return false;
  uint64_t sum = 0;
  for (char c : text) {
    if (!is_digit(c)) return false;
    if (__builtin_mul_overflow(sum, 10u, &sum) ||
        __builtin_add_overflow(sum, static_cast<uint64_t>(c - '0'), &sum)) {
      return false;
    }
  }
  *value = sum;
  return true;
}

bool parse_json(const Bytes &bytes, Json *json, std::string *error) {
  *json = Json();
  return Parser(bytes, error).document(json);
}

}  // namespace aoti
