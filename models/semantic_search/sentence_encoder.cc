#include "models/semantic_search/sentence_encoder.h"

#include <utility>

#include "models/minilm_aoti.h"
#include "models/semantic_search/vocabulary_text.h"

namespace semantic_search {
namespace {

// What run's parameters are: the views whose types carry the sizes that the model was compiled for.
template <class Result, class Model, class Ids, class Mask>
Ids FirstParameter(Result (Model::*run)(Ids, Mask) const);
using IdsView = decltype(FirstParameter(&minilm_aoti::Model::run));

// [1, tokens]: one text a run.
static_assert(IdsView::kStatic && IdsView::kRank == 2);
constexpr size_t kTokens = static_cast<size_t>(IdsView::static_numel());

}  // namespace

struct SentenceEncoder::Parts {
  explicit Parts(const aoti::ModelOptions &options) : model(options), tokenizer(&vocabulary) {}

  minilm_aoti::Model model;
  Vocabulary vocabulary;
  Tokenizer tokenizer;
};

size_t SentenceEncoder::MaxTokens() { return kTokens; }

SentenceEncoder::SentenceEncoder(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
SentenceEncoder::~SentenceEncoder() = default;

std::unique_ptr<SentenceEncoder> SentenceEncoder::Load(int threads, std::string *error) {
  aoti::ModelOptions options;
  options.num_threads = threads;
  auto parts = std::make_unique<Parts>(options);
  if (!parts->model.ok()) {
    *error = std::string("cannot load the model: ") + parts->model.status().message();
    return nullptr;
  }
  if (!parts->vocabulary.Parse(kVocabularyText, error)) return nullptr;
  return std::unique_ptr<SentenceEncoder>(new SentenceEncoder(std::move(parts)));
}

bool SentenceEncoder::Embed(std::string_view text, Embedding *embedding, std::string *error) const {
  const Encoding encoding = parts_->tokenizer.Encode(text, kTokens);
  const minilm_aoti::Result result = parts_->model.run(encoding.ids, encoding.mask);
  if (!result.ok()) {
    *error = std::string("the model failed: ") + result.status().message();
    return false;
  }
  const auto view = result.embedding();
  embedding->values.assign(view.data(), view.data() + view.numel());
  embedding->truncated = encoding.truncated;
  return true;
}

}  // namespace semantic_search
