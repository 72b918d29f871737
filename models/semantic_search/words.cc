#include "models/semantic_search/words.h"

#include <algorithm>
#include <iterator>

#include "models/semantic_search/unicode_tables.h"
#include "models/semantic_search/utf8.h"

namespace semantic_search {
namespace {

// Hangul syllables and the conjoining letters they consist of (The Unicode Standard, 3.12).
constexpr char32_t kSyllables = 0xAC00, kLeads = 0x1100, kVowels = 0x1161, kTrails = 0x11A7;
constexpr char32_t kNumVowels = 21, kNumTrails = 28, kNumSyllables = 11172;

CharClass Classify(char32_t code) {
  const auto *range = std::upper_bound(std::begin(kClasses), std::end(kClasses), code,
                                       [](char32_t c, const ClassRange &r) { return c < r.first; });
  if (range == std::begin(kClasses)) return CharClass::kOther;
  --range;
  return code <= range->last ? range->kind : CharClass::kOther;
}

// Appends what `code` becomes: decomposed, without accents, in lower case.
void AppendMapped(char32_t code, std::u32string *out) {
  if (code >= kSyllables && code < kSyllables + kNumSyllables) {
    const char32_t index = code - kSyllables;
    out->push_back(kLeads + index / (kNumVowels * kNumTrails));
    out->push_back(kVowels + index % (kNumVowels * kNumTrails) / kNumTrails);
    if (index % kNumTrails != 0) out->push_back(kTrails + index % kNumTrails);
    return;
  }
  const auto *mapping = std::lower_bound(std::begin(kMappings), std::end(kMappings), code,
                                         [](const Mapping &m, char32_t c) { return m.code < c; });
  if (mapping == std::end(kMappings) || mapping->code != code) {
    out->push_back(code);
    return;
  }
  out->append(kMapped + mapping->at, mapping->length);
}

}  // namespace

std::vector<std::u32string> SplitWords(std::string_view text) {
  std::vector<std::u32string> words;
  std::u32string word, mapped;
  const auto end_word = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (const char32_t code : DecodeUtf8(text)) {
    const CharClass kind = Classify(code);
    if (kind == CharClass::kDropped) continue;
    if (kind == CharClass::kSpace) {
      end_word();
      continue;
    }
    mapped.clear();
    AppendMapped(code, &mapped);
    if (kind == CharClass::kIdeograph) end_word();
    for (const char32_t part : mapped) {
      // A decomposition may hold punctuation that its whole is not (U+1FEF is a grave accent).
      const bool alone = Classify(part) == CharClass::kPunctuation;
      if (alone) end_word();
      word.push_back(part);
      if (alone) end_word();
    }
    if (kind == CharClass::kIdeograph) end_word();
  }
  end_word();
  return words;
}

}  // namespace semantic_search
