// What attention in float32 and in bfloat16 do differently: the words that tiles multiply, and how the
// softmax's weights and the values become words.
//
// The weights of a row and the values meet along the keys: words of bfloat16 are pairs of two keys.
//
// A `Numbers` type has
//     Number                          // what is in memory
//     kWords, kPerWord                // of q and k, and of the weights: numbers in a word
//     tiles(context)
//     pack_values(v, stride, keys, columns, out)   // out[ceil(columns / 16)][words of keys][16]; zero beyond
//     weights(row, padded, out)       // a row of weights as words; returns where they are
//     store(x)                        // a finished number
#ifndef KERNELS_CPP_ENGINE_ATTENTION_NUMBERS_H_
#define KERNELS_CPP_ENGINE_ATTENTION_NUMBERS_H_

#include <stdint.h>

#include "kernels/cpp/engine/dot.h"
#include "kernels/cpp/engine/pack.h"
#include "kernels/cpp/engine/tile.h"
#include "kernels/cpp/loops.h"

AOTI_BEGIN_NAMESPACE

struct Float32Numbers {
  typedef float Number;
  static constexpr Words kWords = Words::kFloat32;
  static constexpr int64_t kPerWord = 1;

  static const TileTable &tiles(const AotiKernelContext &) { return float32_tiles(); }
  static const float *words(const float *numbers) { return numbers; }
  static void pack_values(const float *v, int64_t stride, int64_t keys, int64_t columns, float *out) {
    pack_panels(v, stride, 1, keys, columns, out);
  }
  static const float *weights(const float *row, int64_t, float *) { return row; }
  static float store(float x) { return x; }
};

struct Bfloat16Numbers {
  typedef uint16_t Number;
  static constexpr Words kWords = Words::kBfloat16Pairs;
  static constexpr int64_t kPerWord = 2;

  static const TileTable &tiles(const AotiKernelContext &context) { return bfloat16_tiles(context); }
  static const float *words(const uint16_t *numbers) { return as_words(numbers); }
  static void pack_values(const uint16_t *v, int64_t stride, int64_t keys, int64_t columns, float *out) {
    pack_row_pairs(v, stride, keys, columns, out);
  }
  static const float *weights(const float *row, int64_t padded, float *out) {
    uint16_t *numbers = reinterpret_cast<uint16_t *>(out);
    AOTI_VECTOR_LOOP
    for (int64_t i = 0; i < padded; ++i) numbers[i] = float_to_bfloat16(row[i]);
    return out;
  }
  static uint16_t store(float x) { return float_to_bfloat16(x); }
};

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_ENGINE_ATTENTION_NUMBERS_H_
