// The tokenizer against the ids that the published one gives (testdata/tokenizer_fixture.txt, its path is the
// argument).

#include "models/semantic_search/tokenizer.h"

#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "models/semantic_search/utf8.h"
#include "models/semantic_search/vocabulary_text.h"
#include "models/semantic_search/words.h"
#include "tools/testing/check.h"

namespace {

using semantic_search::Encoding;
using semantic_search::Tokenizer;
using semantic_search::Vocabulary;

// The fixture's `\u{HEX}` back to the character.
std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (text.substr(at, 3) != "\\u{") {
      out.push_back(text[at++]);
      continue;
    }
    const size_t end = text.find('}', at);
    const std::string digits(text.substr(at + 3, end - at - 3));
    semantic_search::AppendUtf8(static_cast<char32_t>(std::strtoul(digits.c_str(), nullptr, 16)), &out);
    at = end + 1;
  }
  return out;
}

std::string Join(const std::vector<int64_t> &ids) {
  std::string out;
  for (const int64_t id : ids) out += (out.empty() ? "" : " ") + std::to_string(id);
  return out;
}

void TestFixture(const Tokenizer &tokenizer, const char *path) {
  std::ifstream file(path, std::ios::binary);
  if (!CHECK(file.good())) return;
  std::string line;
  int lines = 0;
  for (; std::getline(file, line); ++lines) {
    const size_t tab = line.find('\t');
    if (!CHECK(tab != std::string::npos)) return;
    const std::string text = Unescape(std::string_view(line).substr(tab + 1));
    const Encoding encoding = tokenizer.Encode(text, 128);
    std::vector<int64_t> ids;
    for (size_t i = 0; i < encoding.ids.size(); ++i) {
      if (encoding.mask[i] != 0) ids.push_back(encoding.ids[i]);
    }
    const std::string where = "line " + std::to_string(lines + 1) + ": ";
    CHECK_STR_EQ((where + Join(ids)).c_str(), (where + line.substr(0, tab)).c_str());
  }
  CHECK(lines >= 400);
}

void TestEncode(const Tokenizer &tokenizer) {
  const Encoding empty = tokenizer.Encode("", 4);
  CHECK_STR_EQ(Join(empty.ids).c_str(), "101 102 0 0");
  CHECK_STR_EQ(Join(empty.mask).c_str(), "1 1 0 0");
  CHECK(!empty.truncated);
  const Encoding full = tokenizer.Encode("the the", 4);
  CHECK_STR_EQ(Join(full.ids).c_str(), "101 1996 1996 102");
  CHECK(!full.truncated);
  const Encoding cut = tokenizer.Encode("the the the", 4);
  CHECK_STR_EQ(Join(cut.ids).c_str(), "101 1996 1996 102");
  CHECK(cut.truncated);
}

void TestUtf8() {
  using semantic_search::FindInvalidUtf8;
  const size_t valid = std::string_view::npos;
  CHECK_EQ(FindInvalidUtf8(""), valid);
  CHECK_EQ(FindInvalidUtf8("a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80"), valid);
  CHECK_EQ(FindInvalidUtf8("\xEF\xBF\xBF\xF4\x8F\xBF\xBF"), valid);
  const std::string_view broken[] = {"ab\x80",
                                     "ab\xC3",
                                     "ab\xC0\x80",
                                     "ab\xE0\x80\x80",
                                     "ab\xED\xA0\x80",
                                     "ab\xF0\x80\x80\x80",
                                     "ab\xF4\x90\x80\x80",
                                     "ab\xF5\x80\x80\x80",
                                     "ab\xE4\xB8",
                                     "ab\xFF",
                                     "ab\xC3(",
                                     "ab\xE4(\xAD"};
  for (const std::string_view text : broken) CHECK_EQ(FindInvalidUtf8(text), size_t{2});
  std::string round;
  for (const char32_t code : semantic_search::DecodeUtf8("a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80")) {
    semantic_search::AppendUtf8(code, &round);
  }
  CHECK_STR_EQ(round.c_str(), "a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80");
}

void TestVocabularyErrors() {
  Vocabulary vocabulary;
  std::string error;
  CHECK(!vocabulary.Parse("a\nb\na\n", &error));
  CHECK_CONTAINS(error.c_str(), "'a' twice, in line 3");
  CHECK(!vocabulary.Parse("[PAD]\n[UNK]\n[CLS]\n[SEP]\n", &error));
  CHECK_CONTAINS(error.c_str(), "lacks the token [MASK]");
  CHECK(vocabulary.Parse("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n##\n##a\na", &error));
  CHECK_EQ(vocabulary.FindStart("##"), int64_t{5});
  CHECK_EQ(vocabulary.FindInside("a"), int64_t{6});
  CHECK_EQ(vocabulary.FindStart("a"), int64_t{7});
  CHECK_EQ(vocabulary.FindInside("b"), int64_t{-1});
}

}  // namespace

int main(int argc, char **argv) {
  if (!CHECK(argc == 2)) return aoti_test::result();
  Vocabulary vocabulary;
  std::string error;
  if (!CHECK(vocabulary.Parse(semantic_search::kVocabularyText, &error))) return aoti_test::result();
  CHECK_EQ(vocabulary.size(), size_t{30522});
  const Tokenizer tokenizer(&vocabulary);
  TestFixture(tokenizer, argv[1]);
  TestEncode(tokenizer);
  TestUtf8();
  TestVocabularyErrors();
  return aoti_test::result();
}
