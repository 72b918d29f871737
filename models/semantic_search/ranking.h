// Which embeddings are closest to another one.

#ifndef MODELS_SEMANTIC_SEARCH_RANKING_H_
#define MODELS_SEMANTIC_SEARCH_RANKING_H_

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace semantic_search {

// The cosine of two vectors of length one and equal dimension.
inline float Cosine(const std::vector<float> &a, const std::vector<float> &b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0f);
}

// The indices of the `top` highest scores (of all, if there are fewer), best first; equal scores in their
// order.
inline std::vector<size_t> BestIndices(const std::vector<float> &scores, size_t top) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto kept = order.begin() + static_cast<std::ptrdiff_t>(std::min(top, order.size()));
  std::partial_sort(order.begin(), kept, order.end(), [&](size_t i, size_t j) {
    return scores[i] != scores[j] ? scores[i] > scores[j] : i < j;
  });
  order.erase(kept, order.end());
  return order;
}

}  // namespace semantic_search

#endif  // MODELS_SEMANTIC_SEARCH_RANKING_H_
