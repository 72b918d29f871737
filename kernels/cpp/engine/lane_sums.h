// The sums of the lanes of many vectors at once: a few shuffles for each, where one after the other takes
// four times as many instructions.
//
// Lane i of lane_sums(v) is the sum of all lanes of v[i]. Pairs of vectors are merged: of each two
// neighbouring groups of lanes the lower ones are added to the upper ones, those of the first vector and
// those of the second side by side.
#ifndef KERNELS_CPP_ENGINE_LANE_SUMS_H_
#define KERNELS_CPP_ENGINE_LANE_SUMS_H_

#include "kernels/cpp/simd.h"

AOTI_BEGIN_NAMESPACE

template <int... kIndex>
struct LaneList {};
template <int kCount, int... kIndex>
struct LanesUpTo : LanesUpTo<kCount - 1, kCount - 1, kIndex...> {};
template <int... kIndex>
struct LanesUpTo<0, kIndex...> {
  typedef LaneList<kIndex...> type;
};

// Where lane `lane` of a merge of groups of `step` lanes comes from: the lower group of its pair of groups.
constexpr int merged_lane(int lane, int step) {
  return lane / (2 * step) * 2 * step + lane % step + lane / step % 2 * kLanes;
}

template <int kStep, int... kLane>
static inline __attribute__((always_inline)) vf merge(vf a, vf b, LaneList<kLane...>) {
  return __builtin_shufflevector(a, b, merged_lane(kLane, kStep)...) +
         __builtin_shufflevector(a, b, (merged_lane(kLane, kStep) + kStep)...);
}

// Of kCount vectors, a power of two up to kLanes: lane i has a part of the sum of v[i % kCount].
template <int kCount>
static inline __attribute__((always_inline)) vf partial_sums(const vf *v) {
  if constexpr (kCount == 1) {
    return v[0];
  } else {
    constexpr int kHalf = kCount / 2;
    return merge<kHalf>(partial_sums<kHalf>(v), partial_sums<kHalf>(v + kHalf),
                        typename LanesUpTo<kLanes>::type());
  }
}

// v[0 .. kLanes)
static inline __attribute__((always_inline)) vf lane_sums(const vf *v) { return partial_sums<kLanes>(v); }

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_ENGINE_LANE_SUMS_H_
