// How long calls took, in buckets whose width is a quarter of their power of two: 19 percent at most between
// a value and what is told of it, from a microsecond to half an hour, in 1 KB.
#ifndef RUNTIME_SERVING_LATENCY_HISTOGRAM_H_
#define RUNTIME_SERVING_LATENCY_HISTOGRAM_H_

#include <stdint.h>

namespace aoti {

class LatencyHistogram {
 public:
  static constexpr int kBuckets = 128;

  void record(int64_t ns);

  int64_t count() const { return count_; }
  int64_t sum_ns() const { return sum_ns_; }
  int64_t max_ns() const { return max_ns_; }

  // What `fraction` (0 to 1) of the calls took at most; 0 when there were none.
  int64_t quantile_ns(double fraction) const;

  // Bucket `bucket` counts calls that took less than this, and not less than that of the bucket before.
  static int64_t upper_bound_ns(int bucket);
  int64_t count_in(int bucket) const { return counts_[bucket]; }

 private:
  int64_t counts_[kBuckets] = {};
  int64_t count_ = 0, sum_ns_ = 0, max_ns_ = 0;
};

}  // namespace aoti

#endif  // RUNTIME_SERVING_LATENCY_HISTOGRAM_H_
