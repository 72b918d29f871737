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

template <int kRows, int kPanels>
void tile(const TileArgs &args) {
  constexpr int kVectors = kPanels * kPanelVectors;
  vf acc[kRows][kVectors];
  AOTI_UNROLL
  for (int i = 0; i < kRows; ++i) {
    AOTI_UNROLL
    for (int j = 0; j < kVectors; ++j) {
      acc[i][j] = args.accumulate ? vf_load(args.acc + i * args.acc_stride + j * kLanes) : vf_zero();
    }
  }
  const char *prefetch = args.prefetch;
  for (int64_t s = 0; s < args.num_segments; ++s) {
    const Segment &segment = args.segments[s];
    const float *rows[kRows];
    AOTI_UNROLL
    for (int i = 0; i < kRows; ++i) rows[i] = segment.rows[i];
    const float *b = args.b + segment.k * args.b_k_stride;
    int64_t a = 0;
    AOTI_NO_UNROLL
    for (int64_t k = 0; k < segment.length; ++k) {
      AOTI_UNROLL
      for (int j = 0; j < kPanels; ++j) __builtin_prefetch(prefetch + j * args.prefetch_stride, 0, 2);
      prefetch += args.prefetch_step;
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
  AOTI_UNROLL
  for (int i = 0; i < kRows; ++i) {
    AOTI_UNROLL
    for (int j = 0; j < kVectors; ++j) vf_store(args.acc + i * args.acc_stride + j * kLanes, acc[i][j]);
  }
}

// Rows that would not fit the registers share the largest tile that does; max_tile_rows keeps callers away from them.

template <int kRows, int kPanels>
constexpr TileFn kTile = &tile<(kRows < rows_for(kPanels) ? kRows : rows_for(kPanels)), kPanels>;

#define TILE_ROW(panels)                                                                                     \
  {                                                                                                          \
    kTile<1, panels>, kTile<2, panels>, kTile<3, panels>, kTile<4, panels>, kTile<5, panels>,                \
        kTile<6, panels>, kTile<7, panels>, kTile<8, panels>                                                 \
  }
constexpr TileFn kTiles[kMaxTilePanels][kMaxTileRows] = {TILE_ROW(1), TILE_ROW(2), TILE_ROW(3), TILE_ROW(4)};
#undef TILE_ROW

}  // namespace

int64_t max_tile_rows(int64_t panels) {
  constexpr int kRows[kMaxTilePanels] = {rows_for(1), rows_for(2), rows_for(3), rows_for(4)};
  return kRows[panels - 1];
}

TileFn tile_function(int64_t rows, int64_t panels) { return kTiles[panels - 1][rows - 1]; }

AOTI_END_NAMESPACE
