#include "kernels/cpp/engine/tile.h"

AOTI_BEGIN_NAMESPACE
namespace {

constexpr int kPanelVectors = 16 / kLanes;
// The rest holds a row of B and the broadcast of A.
constexpr int kAccumulators = kVectorRegisters == 32 ? 24 : 12;

constexpr int rows_for(int panels) {
  int rows = kAccumulators / (panels * kPanelVectors);
  return rows > kMaxTileRows ? kMaxTileRows : (rows < 1 ? 1 : rows);
}

// Products that are added up in one register before the sum goes to memory: a sum of sums loses far fewer
// bits than one long sum.
constexpr int64_t kMaxChain = 256;

// acc (+)= the `n` k's that start at the given rows of A and row of B. The rest of `args` is as in tile.h.
template <int kRows, int kVectors>
inline __attribute__((always_inline)) void multiply_add(const float *const (&rows)[kRows], const float *b,
                                                        int64_t n, const TileArgs &args,
                                                        const char **prefetch, vf (&acc)[kRows][kVectors]) {
  int64_t a = 0;
  AOTI_NO_UNROLL
  for (int64_t k = 0; k < n; ++k) {
    AOTI_UNROLL
    for (int j = 0; j < kVectors; j += kPanelVectors) {
      __builtin_prefetch(*prefetch + j / kPanelVectors * args.prefetch_stride, 0, 2);
    }
    *prefetch += args.prefetch_step;
    vf row[kVectors];
    AOTI_UNROLL
    for (int j = 0; j < kVectors; ++j) {
      row[j] = vf_load(b + (j / kPanelVectors) * args.b_panel_stride + (j % kPanelVectors) * kLanes);
    }
    AOTI_UNROLL
    for (int i = 0; i < kRows; ++i) {
      const float x = rows[i][a];
      AOTI_UNROLL
      for (int j = 0; j < kVectors; ++j) acc[i][j] += x * row[j];
    }
    b += args.b_k_stride;
    a += args.a_stride;
  }
}

template <int kRows, int kPanels>
void tile(const TileArgs &args) {
  constexpr int kVectors = kPanels * kPanelVectors;
  const char *prefetch = args.prefetch;
  bool add = args.accumulate;
  int64_t s = 0, offset = 0;  // where in the segments
  do {
    vf acc[kRows][kVectors] = {};
    for (int64_t left = kMaxChain; left > 0 && s < args.num_segments;) {
      const Segment &segment = args.segments[s];
      const int64_t n = segment.length - offset < left ? segment.length - offset : left;
      const float *rows[kRows];
      AOTI_UNROLL
      for (int i = 0; i < kRows; ++i) rows[i] = segment.rows[i] + offset * args.a_stride;
      multiply_add(rows, args.b + (segment.k + offset) * args.b_k_stride, n, args, &prefetch, acc);
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

// Rows that would not fit the registers share the largest tile that does; max_tile_rows keeps callers away
// from them.

template <int kRows, int kPanels>
constexpr TileFn kTile = &tile<(kRows < rows_for(kPanels) ? kRows : rows_for(kPanels)), kPanels>;

#define TILE_ROW(panels)                                                   \
  {kTile<1, panels>, kTile<2, panels>, kTile<3, panels>, kTile<4, panels>, \
   kTile<5, panels>, kTile<6, panels>, kTile<7, panels>, kTile<8, panels>}
constexpr TileFn kTiles[kMaxTilePanels][kMaxTileRows] = {TILE_ROW(1), TILE_ROW(2), TILE_ROW(3), TILE_ROW(4)};
#undef TILE_ROW

}  // namespace

int64_t max_tile_rows(int64_t panels) {
  constexpr int kRows[kMaxTilePanels] = {rows_for(1), rows_for(2), rows_for(3), rows_for(4)};
  return kRows[panels - 1];
}

TileFn tile_function(int64_t rows, int64_t panels) { return kTiles[panels - 1][rows - 1]; }

AOTI_END_NAMESPACE
