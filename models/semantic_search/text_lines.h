// A text file as its lines.
//
// Enters: a path. Leaves: the lines that hold more than white space, with their numbers. The file must be
// UTF-8; a byte order mark in front and "\r\n" ends are accepted.

#ifndef MODELS_SEMANTIC_SEARCH_TEXT_LINES_H_
#define MODELS_SEMANTIC_SEARCH_TEXT_LINES_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace semantic_search {

struct TextLine {
  size_t number;          // from 1, blank lines count
  std::string_view text;  // without its end
};

// Owns the file's content, into which the lines point: neither copied nor moved.
class TextLines {
 public:
  TextLines() = default;
  TextLines(const TextLines &) = delete;
  TextLines &operator=(const TextLines &) = delete;

  // Reads the file at `path`. On failure returns false; `error` names the path, what is wrong and, for bytes
  // that are not UTF-8, the line.
  bool Read(const std::string &path, std::string *error);

  const std::vector<TextLine> &lines() const { return lines_; }

 private:
  std::string content_;
  std::vector<TextLine> lines_;
};

}  // namespace semantic_search

#endif  // MODELS_SEMANTIC_SEARCH_TEXT_LINES_H_
