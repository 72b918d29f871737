// Tiles whose words are pairs of bfloat16: the k's 2i (low half) and 2i + 1 (high half) of a row of A or a
// column of B. Sums are float32.
//
// Where the processor has AVX512_BF16 one instruction multiplies and adds both halves of 16 words. Elsewhere
// the halves are two passes of float32 multiply-adds: a bfloat16 is the upper half of a float32.
#include "kernels/cpp/engine/tile.h"
#include "kernels/cpp/engine/tile_body.h"
#include "kernels/cpp/engine/words.h"

AOTI_BEGIN_NAMESPACE
namespace {

// Numbers of 8 bits: what a longer chain of float32 sums loses is far below what rounding them has lost.
constexpr int64_t kMaxChainWords = 512;

struct SplitProduct {
  static constexpr int64_t kMaxChain = kMaxChainWords;
  static constexpr int kParts = 2;
  static inline __attribute__((always_inline)) vf row(const float *b, int part) {
    return half_of(*(const vw_unaligned *)b, part);
  }
  static inline __attribute__((always_inline)) vf broadcast(const float *a, int part) {
    return half_of(vw{} + *(const word_unaligned *)a, part);
  }
  static inline __attribute__((always_inline)) void add(vf word, vf row, vf *acc) { *acc += word * row; }
};

template <int kRows, int kPanels>
void split_tile(const TileArgs &args) {
  run_tile_body<SplitProduct, kRows, kPanels>(args);
}

constexpr TileTable kSplitTiles = AOTI_TILE_TABLE(&split_tile);

#if defined(__AVX512F__) && defined(__clang__)
#define AOTI_HAS_PAIR_TILES 1
#define AOTI_TARGET_BF16 __attribute__((target("avx512bf16")))

typedef __bf16 bf16_pairs __attribute__((vector_size(64)));

// VDPBF16PS: rounds to nearest even, takes denormals as zero (Intel SDM, volume 2).
struct PairProduct {
  static constexpr int64_t kMaxChain = kMaxChainWords;
  static constexpr int kParts = 1;
  static inline __attribute__((always_inline)) vf row(const float *b, int) { return vf_load(b); }
  static inline __attribute__((always_inline)) vw broadcast(const float *a, int) {
    return vw{} + *(const word_unaligned *)a;
  }
  // Not always_inline: the compiler would refuse it in a body that is for any processor, before that body is
  // part of pair_tile.
  AOTI_TARGET_BF16 static inline void add(vw word, vf row, vf *acc) {
    *acc = __builtin_ia32_dpbf16ps_512(*acc, (bf16_pairs)word, (bf16_pairs)row);
  }
};

template <int kRows, int kPanels>
AOTI_TARGET_BF16 void pair_tile(const TileArgs &args) {
  run_tile_body<PairProduct, kRows, kPanels>(args);
}

constexpr TileTable kPairTiles = AOTI_TILE_TABLE(&pair_tile);
#endif

}  // namespace

const TileTable &bfloat16_tiles([[maybe_unused]] const AotiKernelContext &context) {
#ifdef AOTI_HAS_PAIR_TILES
  if ((context.processor_features & AOTI_FEATURE_AVX512_BF16) != 0) return kPairTiles;
#endif
  return kSplitTiles;
}

AOTI_END_NAMESPACE
