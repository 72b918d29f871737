#include "runtime/server/grpc/call_headers.h"

namespace aoti::server::grpc {
namespace {

constexpr size_t kFieldOverhead = 32;  // of RFC 9113's size of a header list
constexpr size_t kMostMessage = 2048;

bool is_grpc(std::string_view content_type) {
  constexpr std::string_view kType = "application/grpc", kProto = "+proto";
  if (content_type.substr(0, kType.size()) != kType) return false;
  content_type.remove_prefix(kType.size());
  if (content_type.substr(0, kProto.size()) == kProto) content_type.remove_prefix(kProto.size());
  return content_type.empty() || content_type[0] == ';';
}

int64_t unit_ns(char unit) {
  switch (unit) {
    case 'H':
      return 3'600'000'000'000;
    case 'M':
      return 60'000'000'000;
    case 'S':
      return 1'000'000'000;
    case 'm':
      return 1'000'000;
    case 'u':
      return 1'000;
    case 'n':
      return 1;
    default:
      return 0;
  }
}

}  // namespace

void CallHeaders::add(std::string_view name, std::string_view value) {
  count_ += 1;
  bytes_ += name.size() + value.size() + kFieldOverhead;
  if (too_large()) return;
  if (name == ":method") {
    is_post_ = value == "POST";
  } else if (name == ":path") {
    path_ = value;
  } else if (name == "content-type") {
    content_type_ = value;
  } else if (name == "grpc-encoding") {
    encoding_ = value;
  } else if (name == "grpc-timeout") {
    timeout_ = value;
    timeout_ok_ = parse_timeout(value, &timeout_ns_);
  }
}

int CallHeaders::http_error() const {
  if (too_large()) return 431;
  if (!is_grpc(content_type_)) return 415;
  return is_post_ ? 0 : 405;
}

Status CallHeaders::check() const {
  if (!timeout_ok_) {
    return invalid("grpc-timeout is '" + timeout_ +
                   "'; expected up to eight digits and one of H, M, S, m, u, n");
  }
  if (!encoding_.empty() && encoding_ != "identity") {
    return {StatusCode::kUnimplemented, "grpc-encoding '" + encoding_ + "' is not known here; send identity"};
  }
  return {};
}

bool parse_timeout(std::string_view text, int64_t *timeout_ns) {
  if (text.size() < 2 || text.size() > 9) return false;
  const int64_t unit = unit_ns(text.back());
  int64_t value = 0;
  for (const char digit : text.substr(0, text.size() - 1)) {
    if (digit < '0' || digit > '9') return false;
    value = value * 10 + (digit - '0');
  }
  if (unit == 0) return false;
  if (__builtin_mul_overflow(value, unit, timeout_ns)) *timeout_ns = INT64_MAX;
  return true;
}

std::string percent_encode(std::string_view message) {
  constexpr const char *kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : message) {
    if (encoded.size() >= kMostMessage) return encoded + "...";
    if (c >= 0x20 && c < 0x7f && c != '%') {
      encoded += c;
    } else {
      const unsigned char byte = static_cast<unsigned char>(c);
      encoded += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return encoded;
}

}  // namespace aoti::server::grpc
