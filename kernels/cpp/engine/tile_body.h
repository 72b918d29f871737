// The body of a register tile, for any kind of product: what tile.cc and tile_bfloat16.cc have in common.
//
// What enters: a `Product` type that says what one word of A times one vector of words of B is. What leaves:
// `tile<Product, rows, panels>`, and how many rows fit the registers.
//
// A `Product` type has
//     static constexpr int64_t kMaxChain;      // words that are added up in one register before the sum goes
//     to
//                                              // memory: a sum of sums loses far fewer bits than one long
//                                              sum
//     static constexpr int kParts;             // passes over the same words: each has its own rows of B
//     static vf row(const float *b, int part);               // a vector of words of B, prepared
//     static auto broadcast(const float *a, int part);       // one word of A, prepared
//     static void add(auto word, vf row, vf *acc);           // acc += word of A * row
#ifndef KERNELS_CPP_ENGINE_TILE_BODY_H_
#define KERNELS_CPP_ENGINE_TILE_BODY_H_

#include "kernels/cpp/engine/tile.h"

AOTI_BEGIN_NAMESPACE

constexpr int kPanelVectors = 16 / kLanes;
// The rest holds a row of B and the broadcast of A.
constexpr int kAccumulators = kVectorRegisters == 32 ? 24 : 12;

constexpr int rows_for(int panels) {
  int rows = kAccumulators / (panels * kPanelVectors);
  return rows > kMaxTileRows ? kMaxTileRows : (rows < 1 ? 1 : rows);
}

// acc (+)= the `n` k's that start at the given rows of A and row of B. The rest of `args` is as in tile.h.
template <class Product, int kRows, int kVectors>
inline __attribute__((always_inline)) void multiply_add(const float *const (&rows)[kRows], const float *b,
                                                        int64_t n, const TileArgs &args,
                                                        const char **prefetch, vf (&acc)[kRows][kVectors]) {
  int64_t a = 0;
  AOTI_NO_UNROLL
  for (int64_t k = 0; k < n; ++k) {
    if (args.prefetch_step != 0) {
      AOTI_UNROLL
      for (int j = 0; j < kVectors; j += kPanelVectors) {
        __builtin_prefetch(*prefetch + j / kPanelVectors * args.prefetch_stride, 0, 2);
      }
      *prefetch += args.prefetch_step;
    }
    AOTI_UNROLL
    for (int part = 0; part < Product::kParts; ++part) {
      vf row[kVectors];
      AOTI_UNROLL
      for (int j = 0; j < kVectors; ++j) {
        row[j] =
            Product::row(b + (j / kPanelVectors) * args.b_panel_stride + (j % kPanelVectors) * kLanes, part);
      }
      AOTI_UNROLL
      for (int i = 0; i < kRows; ++i) {
        const auto x = Product::broadcast(rows[i] + a, part);
        AOTI_UNROLL
        for (int j = 0; j < kVectors; ++j) Product::add(x, row[j], &acc[i][j]);
      }
    }
    b += args.b_k_stride;
    a += args.a_stride;
  }
}

template <class Product, int kRows, int kPanels>
inline __attribute__((always_inline)) void run_tile_body(const TileArgs &passed) {
  const TileArgs args =
      passed;  // a store of a sum could change what was passed, as far as the compiler knows
  constexpr int kVectors = kPanels * kPanelVectors;
  const char *prefetch = args.prefetch;
  bool add = args.accumulate;
  const int64_t max_chain = args.max_chain < Product::kMaxChain ? args.max_chain : Product::kMaxChain;
  int64_t s = 0, offset = 0;  // where in the segments
  do {
    vf acc[kRows][kVectors] = {};
    for (int64_t left = max_chain; left > 0 && s < args.num_segments;) {
      const Segment &segment = args.segments[s];
      const int64_t n = segment.length - offset < left ? segment.length - offset : left;
      const float *rows[kRows];
      AOTI_UNROLL
      for (int i = 0; i < kRows; ++i) rows[i] = segment.rows[i] + offset * args.a_stride;
      multiply_add<Product>(rows, args.b + (segment.k + offset) * args.b_k_stride, n, args, &prefetch, acc);
      left -= n;
      offset += n;
      if (offset < segment.length) break;
      offset = 0;
      ++s;
    }
    AOTI_UNROLL
    for (int i = 0; i < kRows; ++i) {
      AOTI_UNROLL
      for (int j = 0; j < kVectors; ++j) {
        float *out = args.acc + i * args.acc_stride + j * kLanes;
        vf_store(out, add ? vf_load(out) + acc[i][j] : acc[i][j]);
      }
    }
    add = true;
  } while (s < args.num_segments);
}

// A table of all tiles. Rows that would not fit the registers share the largest tile that does; max_tile_rows
// keeps callers away from them. `tile` is a variable template: TileFn for (rows, panels).
#define AOTI_TILE_ROW(tile, panels)      \
  {tile<1, panels>,                      \
   tile<rows_capped(2, panels), panels>, \
   tile<rows_capped(3, panels), panels>, \
   tile<rows_capped(4, panels), panels>, \
   tile<rows_capped(5, panels), panels>, \
   tile<rows_capped(6, panels), panels>, \
   tile<rows_capped(7, panels), panels>, \
   tile<rows_capped(8, panels), panels>}
#define AOTI_TILE_TABLE(tile)                                                                        \
  {                                                                                                  \
    {                                                                                                \
      AOTI_TILE_ROW(tile, 1), AOTI_TILE_ROW(tile, 2), AOTI_TILE_ROW(tile, 3), AOTI_TILE_ROW(tile, 4) \
    }                                                                                                \
  }

constexpr int rows_capped(int rows, int panels) { return rows < rows_for(panels) ? rows : rows_for(panels); }

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_ENGINE_TILE_BODY_H_
