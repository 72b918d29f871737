#include "runtime/serving/latency_histogram.h"

#include <algorithm>

namespace aoti {
namespace {

// The first bucket ends here; shorter calls are all in it.
constexpr int kFirstBit = 10;

// Quarter number of a time: 4 per power of two.
int bucket_of(int64_t ns) {
  if (ns < int64_t{1} << kFirstBit) return 0;
  const int bit = 63 - __builtin_clzll(static_cast<unsigned long long>(ns));
  const int quarter = static_cast<int>(ns >> (bit - 2) & 3);
  return std::min(1 + (bit - kFirstBit) * 4 + quarter, LatencyHistogram::kBuckets - 1);
}

}  // namespace

int64_t LatencyHistogram::upper_bound_ns(int bucket) {
  if (bucket == kBuckets - 1) return INT64_MAX;
  const int bit = kFirstBit + bucket / 4, quarter = bucket % 4;
  return (int64_t{4} + quarter) << (bit - 2);
}

void LatencyHistogram::record(int64_t ns) {
  counts_[bucket_of(ns)] += 1;
  count_ += 1;
  if (__builtin_add_overflow(sum_ns_, ns, &sum_ns_)) sum_ns_ = INT64_MAX;
  max_ns_ = std::max(max_ns_, ns);
}

int64_t LatencyHistogram::quantile_ns(double fraction) const {
  const int64_t rank = static_cast<int64_t>(fraction * static_cast<double>(count_) + 0.5);
  int64_t seen = 0;
  for (int bucket = 0; bucket < kBuckets && count_ > 0; ++bucket) {
    seen += counts_[bucket];
    if (seen >= rank && seen > 0) return std::min(upper_bound_ns(bucket), max_ns_);
  }
  return max_ns_;
}

}  // namespace aoti
