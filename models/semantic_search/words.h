// The first half of BERT's uncased tokenizer: text to words.
//
// Enters: UTF-8 text. Leaves: lower-case words without accents, in order, each free of spaces; a punctuation
// mark and a CJK ideograph is a word of its own.
//
//   "Caf\u00E9 \u4E2D\u56FD, it's"   ->   "cafe" "\u4E2D" "\u56FD" "," "it" "'" "s"
//
// The steps are those of https://github.com/google-research/bert, tokenization.py (clean, space ideographs,
// decompose and strip accents, lower case, split). All of them work on one code point at a time, so they run
// in one pass over a table (unicode_tables.py). Canonical reordering of combining marks is left out: what
// remains after the nonspacing ones are gone is in no English vocabulary, so that it only decides the order
// inside a word that is [UNK] anyway.

#ifndef MODELS_SEMANTIC_SEARCH_WORDS_H_
#define MODELS_SEMANTIC_SEARCH_WORDS_H_

#include <string>
#include <string_view>
#include <vector>

namespace semantic_search {

// The words of well-formed UTF-8 `text`, each as code points.
std::vector<std::u32string> SplitWords(std::string_view text);

}  // namespace semantic_search

#endif  // MODELS_SEMANTIC_SEARCH_WORDS_H_
