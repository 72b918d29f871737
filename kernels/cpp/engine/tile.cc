#include "kernels/cpp/engine/tile.h"

#include "kernels/cpp/engine/tile_body.h"

AOTI_BEGIN_NAMESPACE
namespace {

struct Float32Product {
  static constexpr int64_t kMaxChain = 384;
  static constexpr int kParts = 1;
  static inline __attribute__((always_inline)) vf row(const float *b, int) { return vf_load(b); }
  static inline __attribute__((always_inline)) float broadcast(const float *a, int) { return *a; }
  static inline __attribute__((always_inline)) void add(float word, vf row, vf *acc) { *acc += word * row; }
};

template <int kRows, int kPanels>
void tile(const TileArgs &args) {
  run_tile_body<Float32Product, kRows, kPanels>(args);
}

constexpr TileTable kTiles = AOTI_TILE_TABLE(&tile);

}  // namespace

int64_t max_tile_rows(int64_t panels) {
  constexpr int kRows[kMaxTilePanels] = {rows_for(1), rows_for(2), rows_for(3), rows_for(4)};
  return kRows[panels - 1];
}

const TileTable &float32_tiles() { return kTiles; }

AOTI_END_NAMESPACE
