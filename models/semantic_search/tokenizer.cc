#include "models/semantic_search/tokenizer.h"

#include "models/semantic_search/utf8.h"
#include "models/semantic_search/words.h"

namespace semantic_search {
namespace {

constexpr std::string_view kInsidePrefix = "##";
constexpr std::string_view kSpecialTokens[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
constexpr size_t kMaxWordCharacters = 100;

// The first special token spelled out in `text` at or after `from`; its offset goes to `at` (npos if there is
// none).
std::string_view FindSpecialToken(std::string_view text, size_t from, size_t *at) {
  for (*at = text.find('[', from); *at != std::string_view::npos; *at = text.find('[', *at + 1)) {
    for (const std::string_view token : kSpecialTokens) {
      if (text.substr(*at, token.size()) == token) return token;
    }
  }
  return {};
}

}  // namespace

int64_t Vocabulary::Find(const Ids &ids, std::string_view piece) {
  const auto found = ids.find(piece);
  return found == ids.end() ? -1 : found->second;
}

bool Vocabulary::Parse(std::string_view text, std::string *error) {
  starts_.clear();
  insides_.clear();
  int64_t id = 0;
  for (size_t at = 0; at < text.size(); ++id) {
    size_t end = text.find('\n', at);
    if (end == std::string_view::npos) end = text.size();
    std::string_view token = text.substr(at, end - at);
    at = end + 1;
    const bool inside =
        token.size() > kInsidePrefix.size() && token.substr(0, kInsidePrefix.size()) == kInsidePrefix;
    if (inside) token.remove_prefix(kInsidePrefix.size());
    if (!(inside ? insides_ : starts_).emplace(token, id).second) {
      *error = "the vocabulary has the token '" + std::string(token) + "' twice, in line " +
               std::to_string(id + 1);
      return false;
    }
  }
  pad_ = FindStart("[PAD]");
  unknown_ = FindStart("[UNK]");
  cls_ = FindStart("[CLS]");
  sep_ = FindStart("[SEP]");
  for (const std::string_view token : kSpecialTokens) {
    if (FindStart(token) < 0) {
      *error = "the vocabulary (" + std::to_string(id) + " tokens) lacks the token " + std::string(token);
      return false;
    }
  }
  return true;
}

void Tokenizer::AppendWord(const std::u32string &word, std::vector<int64_t> *ids) const {
  if (word.size() > kMaxWordCharacters) {
    ids->push_back(vocabulary_->unknown());
    return;
  }
  std::string bytes;
  std::vector<size_t> offsets;  // of each character in `bytes`, and of the end
  for (const char32_t code : word) {
    offsets.push_back(bytes.size());
    AppendUtf8(code, &bytes);
  }
  offsets.push_back(bytes.size());
  const size_t first_piece = ids->size();
  for (size_t start = 0; start < word.size();) {
    int64_t id = -1;
    size_t end = word.size();
    for (; end > start; --end) {
      const std::string_view piece(bytes.data() + offsets[start], offsets[end] - offsets[start]);
      id = start == 0 ? vocabulary_->FindStart(piece) : vocabulary_->FindInside(piece);
      if (id >= 0) break;
    }
    if (id < 0) {
      ids->resize(first_piece);
      ids->push_back(vocabulary_->unknown());
      return;
    }
    ids->push_back(id);
    start = end;
  }
}

void Tokenizer::AppendText(std::string_view text, std::vector<int64_t> *ids) const {
  for (const std::u32string &word : SplitWords(text)) AppendWord(word, ids);
}

std::vector<int64_t> Tokenizer::Tokenize(std::string_view text) const {
  std::vector<int64_t> ids;
  for (size_t from = 0; from <= text.size();) {
    size_t at = 0;
    const std::string_view special = FindSpecialToken(text, from, &at);
    AppendText(text.substr(from, special.empty() ? std::string_view::npos : at - from), &ids);
    if (special.empty()) break;
    ids.push_back(vocabulary_->FindStart(special));
    from = at + special.size();
  }
  return ids;
}

Encoding Tokenizer::Encode(std::string_view text, size_t length) const {
  const std::vector<int64_t> tokens = Tokenize(text);
  Encoding encoding;
  encoding.truncated = tokens.size() > length - 2;
  const size_t kept = encoding.truncated ? length - 2 : tokens.size();
  encoding.ids.push_back(vocabulary_->cls());
  encoding.ids.insert(encoding.ids.end(), tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(kept));
  encoding.ids.push_back(vocabulary_->sep());
  encoding.mask.assign(encoding.ids.size(), 1);
  encoding.ids.resize(length, vocabulary_->pad());
  encoding.mask.resize(length, 0);
  return encoding;
}

}  // namespace semantic_search
