// The register tile: a few rows of A times one to four packed panels of B, accumulated in vector registers.
//
// What enters: rows of A as pointers (so that a matrix, a strided view and the pixels of an image are the
// same thing), as 32-bit words: a float32, or a pair of bfloat16 of two neighbouring k's, which then count as
// one. `const float *` stands for either. B with a stride for k and one for the panel (so that packed panels
// and plain rows are the same thing). What leaves: acc[rows][panels * 16], rows acc_stride apart.
//
// Invariants:
// - A segment is a run of k's over which all row pointers advance together by a_stride elements; the k's of
// one tile
//   are the concatenation of its segments. A matrix product has one; a convolution one per kernel row or tap.
// - Rows above the caller's count may repeat an earlier pointer; their sums are computed and ignored.
// - Sums are taken at most 384 k's at a time and then added up, so that the error does not grow with K.
// - prefetch walks prefetch_step bytes for each k: it asks for the B that comes next, a little with every
// tile, so
//   that weights which are not in the cache yet are when their turn comes.
#ifndef KERNELS_CPP_ENGINE_TILE_H_
#define KERNELS_CPP_ENGINE_TILE_H_

#include <stdint.h>

#include "aoti/kernel_context.h"
#include "kernels/cpp/simd.h"

AOTI_BEGIN_NAMESPACE

constexpr int kMaxTileRows = 8;
constexpr int kMaxTilePanels = 4;
constexpr int64_t kTilePanel = 16;

struct Segment {
  const float *rows[kMaxTileRows];
  int64_t length;  // number of k's
  int64_t k;       // first k, in rows of B counted from TileArgs::b
};

struct TileArgs {
  const Segment *segments;
  int64_t num_segments;
  int64_t a_stride;
  const float *b;
  int64_t b_k_stride;
  int64_t b_panel_stride;
  float *acc;
  int64_t acc_stride;  // floats from one row of acc to the next
  bool accumulate;     // add to acc instead of replacing it
  const char *prefetch;
  int64_t prefetch_step;    // bytes for each k
  int64_t prefetch_stride;  // bytes from what one panel prefetches to what the next does
  // Words that are added up in one register; the kind of product may say fewer.
  int64_t max_chain = 1024;
};

typedef void (*TileFn)(const TileArgs &);

// Largest number of rows for which accumulators of `panels` panels fit the registers.
int64_t max_tile_rows(int64_t panels);

// Pairs of bfloat16 as the words of tiles; nothing else may read them so.
static inline const float *as_words(const uint16_t *pairs) { return reinterpret_cast<const float *>(pairs); }

// The tiles of one kind of word.
struct TileTable {
  TileFn functions[kMaxTilePanels][kMaxTileRows];

  // For 1 <= rows <= max_tile_rows(panels), 1 <= panels <= kMaxTilePanels.
  TileFn at(int64_t rows, int64_t panels) const { return functions[panels - 1][rows - 1]; }
};

const TileTable &float32_tiles();
// The best for what the context says of the processor.
const TileTable &bfloat16_tiles(const AotiKernelContext &context);

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_ENGINE_TILE_H_
