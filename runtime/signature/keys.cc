#include "runtime/signature/keys.h"

#include <sodium.h>

#include <algorithm>
#include <sstream>

namespace aoti {
namespace {

constexpr char kPrefix[] = "aoti signed file 1\n";
constexpr char kPublic[] = "aoti-public-key", kSecret[] = "aoti-secret-key", kSigned[] = "aoti-signature";

int digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

template <size_t kSize>
bool read_hex(const std::string &text, std::array<uint8_t, kSize> *bytes) {
  if (text.size() != 2 * kSize) return false;
  for (size_t i = 0; i < kSize; ++i) {
    const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    (*bytes)[i] = static_cast<uint8_t>(high * 16 + low);
  }
  return true;
}

template <size_t kSize>
std::string hex(const std::array<uint8_t, kSize> &bytes) {
  std::string text;
  for (const uint8_t byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

// Apart at each blank: two of them leave an empty word.
std::vector<std::string> split(const std::string &line) {
  std::vector<std::string> words(1);
  for (const char c : line) {
    if (c == ' ') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

// The words of each line that is no comment, given to `read`, which says whether they are as expected.
template <class Read>
bool read_lines(const Bytes &text, const char *kind, const Read &read, std::string *error) {
  if (text.size > kMaxKeyFileBytes) {
    *error = "has " + std::to_string(text.size) + " bytes; expected lines '" + kind + " 1 ...', at most " +
             std::to_string(kMaxKeyFileBytes) + " bytes";
    return false;
  }
  std::istringstream lines(text.text());
  std::string line;
  int number = 0, found = 0;
  while (std::getline(lines, line)) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    const std::vector<std::string> words = split(line);
    if (words.size() < 3 || words[0] != kind || words[1] != "1" || !read(words)) {
      *error = "line " + std::to_string(number) + " is not what was expected: '" + kind +
               " 1' and lower-case hexadecimal digits";
      return false;
    }
    ++found;
  }
  if (found == 0) *error = std::string("has no line '") + kind + " 1 ...'";
  return found != 0;
}

}  // namespace

bool read_public_keys(const Bytes &text, std::vector<PublicKey> *keys, std::string *error) {
  return read_lines(
      text, kPublic,
      [keys](const std::vector<std::string> &words) {
        keys->emplace_back();
        return words.size() == 3 && read_hex(words[2], &keys->back());
      },
      error);
}

bool read_signatures(const Bytes &text, std::vector<Signature> *signatures, std::string *error) {
  return read_lines(
      text, kSigned,
      [signatures](const std::vector<std::string> &words) {
        signatures->emplace_back();
        return words.size() == 4 && read_hex(words[2], &signatures->back().key) &&
               read_hex(words[3], &signatures->back().value);
      },
      error);
}

bool read_secret_key(const Bytes &text, SecretSeed *seed, std::string *error) {
  int keys = 0;
  return read_lines(
      text, kSecret,
      [&](const std::vector<std::string> &words) {
        return ++keys == 1 && words.size() == 3 && read_hex(words[2], seed);
      },
      error);
}

std::string write_line(const PublicKey &key) { return std::string(kPublic) + " 1 " + hex(key) + "\n"; }

std::string write_secret_line(const SecretSeed &seed) {
  return std::string(kSecret) + " 1 " + hex(seed) + "\n";
}

std::string write_line(const Signature &signature) {
  return std::string(kSigned) + " 1 " + hex(signature.key) + " " + hex(signature.value) + "\n";
}

KeyNumber number_of(const PublicKey &key) {
  uint8_t digest[crypto_hash_sha512_BYTES];
  crypto_hash_sha512(digest, key.data(), key.size());
  KeyNumber number;
  std::copy_n(digest, number.size(), number.begin());
  return number;
}

std::string hex_of(const KeyNumber &number) { return hex(number); }

std::vector<uint8_t> signed_message(const Bytes &file) {
  std::vector<uint8_t> message(kPrefix, kPrefix + sizeof kPrefix - 1);
  for (int shift = 0; shift < 64; shift += 8) message.push_back(static_cast<uint8_t>(file.size >> shift));
  const size_t head = message.size();
  message.resize(head + crypto_hash_sha512_BYTES);
  crypto_hash_sha512(message.data() + head, file.data, file.size);
  return message;
}

}  // namespace aoti
