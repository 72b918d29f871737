// The WordPiece tokenizer of BERT (uncased): text to the token ids that all-MiniLM-L6-v2 was trained on.
//
// Enters: UTF-8 text and a vocabulary. Leaves: token ids, [CLS] first and [SEP] last, padded to a fixed
// length.
//
//   "unaffable, yes"  ->  [CLS] una ##ffa ##ble , yes [SEP] [PAD] [PAD] ...      mask 1 1 1 1 1 1 1 0 0 ...
//
// A word is cut into pieces from the left, always the longest one that the vocabulary has
// (arXiv:1609.08144, 4.1); a word that cannot be cut so, or that has more than 100 characters, is [UNK]. A
// special token spelled out in the text stands for itself, as in the tokenizer that the model is published
// with.

#ifndef MODELS_SEMANTIC_SEARCH_TOKENIZER_H_
#define MODELS_SEMANTIC_SEARCH_TOKENIZER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace semantic_search {

// Which token has which id. Holds views of the text it was made from.
class Vocabulary {
 public:
  // One token a line, the line's number (from 0) is its id; a leading "##" marks a piece inside a word.
  // `text` must outlive the vocabulary. On failure returns false and says in `error` what is missing or
  // doubled.
  bool Parse(std::string_view text, std::string *error);

  // The id of a piece at the start of a word, or further inside ("##" left out); -1 if there is none.
  int64_t FindStart(std::string_view piece) const { return Find(starts_, piece); }
  int64_t FindInside(std::string_view piece) const { return Find(insides_, piece); }

  size_t size() const { return starts_.size() + insides_.size(); }
  int64_t pad() const { return pad_; }
  int64_t unknown() const { return unknown_; }
  int64_t cls() const { return cls_; }
  int64_t sep() const { return sep_; }

 private:
  using Ids = std::unordered_map<std::string_view, int64_t>;
  static int64_t Find(const Ids &ids, std::string_view piece);

  Ids starts_, insides_;
  int64_t pad_ = -1, unknown_ = -1, cls_ = -1, sep_ = -1;
};

// One text, ready for the model: `ids` and `mask` (1 for a token, 0 for padding) of the length asked for.
struct Encoding {
  std::vector<int64_t> ids, mask;
  bool truncated = false;  // the text had more tokens than fit
};

// Stateless but for the vocabulary, which must outlive it; may be used from several threads at once.
class Tokenizer {
 public:
  explicit Tokenizer(const Vocabulary *vocabulary) : vocabulary_(vocabulary) {}

  // The tokens of well-formed UTF-8 `text` without [CLS], [SEP] and padding.
  std::vector<int64_t> Tokenize(std::string_view text) const;

  // `length` >= 2 ids; a longer text is cut, its [SEP] stays.
  Encoding Encode(std::string_view text, size_t length) const;

 private:
  void AppendText(std::string_view text, std::vector<int64_t> *ids) const;
  void AppendWord(const std::u32string &word, std::vector<int64_t> *ids) const;

  const Vocabulary *vocabulary_;
};

}  // namespace semantic_search

#endif  // MODELS_SEMANTIC_SEARCH_TOKENIZER_H_
