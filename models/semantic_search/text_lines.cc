#include "models/semantic_search/text_lines.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "models/semantic_search/utf8.h"

namespace semantic_search {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kBlanks = " \t\r\v\f";

bool ReadAll(const std::string &path, std::string *content, std::string *error) {
  std::FILE *file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) {
    *error = path + ": cannot open: " + std::strerror(errno);
    return false;
  }
  char buffer[1 << 16];
  size_t got = 0;
  errno = 0;
  while ((got = std::fread(buffer, 1, sizeof(buffer), file)) > 0) content->append(buffer, got);
  const bool failed = std::ferror(file) != 0;
  if (failed) *error = path + ": cannot read: " + std::strerror(errno);
  std::fclose(file);
  return !failed;
}

}  // namespace

bool TextLines::Read(const std::string &path, std::string *error) {
  content_.clear();
  lines_.clear();
  if (!ReadAll(path, &content_, error)) return false;
  if (content_.empty()) {
    *error = path + ": is empty; expected a text file with one text on each line";
    return false;
  }
  std::string_view rest = content_;
  if (rest.substr(0, kByteOrderMark.size()) == kByteOrderMark) rest.remove_prefix(kByteOrderMark.size());
  for (size_t number = 1; !rest.empty(); ++number) {
    const size_t end = rest.find('\n');
    std::string_view text = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    const size_t invalid = FindInvalidUtf8(text);
    if (invalid != std::string_view::npos) {
      *error = path + ": line " + std::to_string(number) + ", byte " + std::to_string(invalid + 1) +
               ": not UTF-8; convert the file first, for example with: iconv -f LATIN1 -t UTF-8";
      return false;
    }
    if (text.find_first_not_of(kBlanks) != std::string_view::npos) lines_.push_back({number, text});
  }
  if (lines_.empty()) {
    *error = path + ": all lines are blank; expected a text file with one text on each line";
    return false;
  }
  return true;
}

}  // namespace semantic_search
