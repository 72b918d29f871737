// Text to its embedding: the tokenizer and the compiled all-MiniLM-L6-v2 behind one function.
//
//   Encoder("How do I bake bread?")  ->  384 numbers, a vector of length one; close vectors mean close texts

#ifndef MODELS_SEMANTIC_SEARCH_SENTENCE_ENCODER_H_
#define MODELS_SEMANTIC_SEARCH_SENTENCE_ENCODER_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "models/semantic_search/tokenizer.h"

namespace semantic_search {

// The embedding of one text.
struct Embedding {
  std::vector<float> values;
  bool truncated = false;  // the text had more tokens than the model takes; only its beginning counts
};

// Holds the model. Embed may be called by several threads at once.
class SentenceEncoder {
 public:
  // How many tokens of a text the compiled model looks at, [CLS] and [SEP] included.
  static size_t MaxTokens();

  // Loads model and vocabulary; `threads` compute one text (0: as many as the process may use). On failure
  // returns null and says why in `error`.
  static std::unique_ptr<SentenceEncoder> Load(int threads, std::string *error);

  ~SentenceEncoder();
  SentenceEncoder(const SentenceEncoder &) = delete;
  SentenceEncoder &operator=(const SentenceEncoder &) = delete;

  // The embedding of well-formed UTF-8 `text`. On failure returns false and says why in `error`.
  bool Embed(std::string_view text, Embedding *embedding, std::string *error) const;

 private:
  struct Parts;
  explicit SentenceEncoder(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace semantic_search

#endif  // MODELS_SEMANTIC_SEARCH_SENTENCE_ENCODER_H_
