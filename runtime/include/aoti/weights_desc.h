// How a library's stored constants are made of the model's own parameters and buffers.
//
// The compiler folds, merges and packs constants (docs/adr/0013-recipes.md); these tables say how, so that a
// container can be given new values under the names of the model's state_dict. An original is what the model
// holds; a stored constant (AotiConstantDesc) is what kernels read; a recipe makes the one of the other.
//
// A recipe is a program for a stack machine. Values are tensors, their elements in row-major order. Moves
// keep elements bit for bit; arithmetic is in float64 and broadcasts as PyTorch does.
//
//   fc.weight [3, 10], transposed and packed in panels of 16:
//   SOURCE 0  VIEW 2 10 3 1 10 0  PAD 1 16  VIEW 3 1 10 16 160 16 1 0
#ifndef AOTI_WEIGHTS_DESC_H_
#define AOTI_WEIGHTS_DESC_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// One word each, followed by operands as words.
typedef enum AotiRecipeOp {
  AOTI_RECIPE_SOURCE = 0,  // index of an original: pushes it
  AOTI_RECIPE_VIEW = 1,    // rank, sizes[rank], strides[rank], offset: as_strided of the top
  AOTI_RECIPE_PAD = 2,     // dim, size: zeros after the end of dim
  AOTI_RECIPE_CAT = 3,     // count, dim: joins the top `count`, the first one pushed first
  AOTI_RECIPE_CAST = 4,    // dtype: rounds to it
  AOTI_RECIPE_SCALAR = 5,  // the bits of a double: pushes a tensor of rank 0
  AOTI_RECIPE_UNARY = 6,   // AotiRecipeUnary
  AOTI_RECIPE_BINARY = 7   // AotiRecipeBinary: second of stack, top
} AotiRecipeOp;

typedef enum AotiRecipeUnary {
  AOTI_RECIPE_NEG = 0,
  AOTI_RECIPE_SQRT = 1,
  AOTI_RECIPE_RSQRT = 2,
  AOTI_RECIPE_RECIPROCAL = 3,
  AOTI_RECIPE_EXP = 4,
  AOTI_RECIPE_SIN = 5,
  AOTI_RECIPE_COS = 6
} AotiRecipeUnary;

typedef enum AotiRecipeBinary {
  AOTI_RECIPE_ADD = 0,
  AOTI_RECIPE_SUB = 1,
  AOTI_RECIPE_MUL = 2,
  AOTI_RECIPE_DIV = 3
} AotiRecipeBinary;

typedef struct AotiRecipe {
  const int64_t *words;  // null: cannot be made again at run time
  int64_t num_words;
  const char *reason;  // where words is null: what the compiler computed, e.g. "aten.arange at m.py:3"
  // Originals that this constant depends on; null where words is not (its SOURCE words say it).
  const int32_t *sources;
  int32_t num_sources;
  int32_t reserved;  // 0
} AotiRecipe;

typedef struct AotiOriginalDesc {
  const char *name;  // an identifier, e.g. "layers_0_weight"
  const char *fqn;   // as in state_dict, e.g. "layers.0.weight"
  int32_t dtype;
  int32_t ndim;
  const int64_t *sizes;  // [ndim]; null when ndim is 0
  int32_t kind;          // AotiConstantKind
  int32_t same_as;       // an earlier original that shares its memory (tied weights); -1: none
  // aoti_content_hash of the value that was compiled in, 0 when it is not kept. Tells a new value that is the
  // old one from one that a constant without a recipe cannot follow.
  uint64_t content_hash;
} AotiOriginalDesc;

// A hash of `bytes` bytes: the sum over all 8-byte words (the last one filled up with zeros) of a mix of word
// and position. Not against an adversary.
static inline uint64_t aoti_content_hash(const void *data, uint64_t bytes) {
  const unsigned char *at = (const unsigned char *)data;
  uint64_t sum = bytes * 0x9e3779b97f4a7c15u + 1;
  for (uint64_t i = 0; i * 8 < bytes; ++i) {
    uint64_t word = 0;
    const uint64_t left = bytes - i * 8;
    __builtin_memcpy(&word, at + i * 8, left < 8 ? left : 8);
    word = (word ^ (i * 0xbf58476d1ce4e5b9u)) * 0x94d049bb133111ebu;
    sum += word ^ (word >> 31);
  }
  return sum;
}

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // AOTI_WEIGHTS_DESC_H_
