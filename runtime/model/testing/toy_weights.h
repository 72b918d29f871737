// The weights of the toy model, by formula, so that tests in any language can repeat them:
// weight[k][j] = ((7 k + 3 j) mod 11 - 5) / 8, bias[j] = (j - 8) / 4, scale[j] = 1 + j / 16.
#ifndef RUNTIME_MODEL_TESTING_TOY_WEIGHTS_H_
#define RUNTIME_MODEL_TESTING_TOY_WEIGHTS_H_

#define TOY_COLUMNS 16

#define TOY_WEIGHT(k, j) ((float)((7 * (k) + 3 * (j)) % 11 - 5) / 8.0f)
#define TOY_BIAS(j) ((float)((j) - 8) / 4.0f)
#define TOY_SCALE(j) (1.0f + (float)(j) / 16.0f)

// One row of 16 numbers.
#define TOY_ROW(f) \
  {f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7), f(8), f(9), f(10), f(11), f(12), f(13), f(14), f(15)}
#define TOY_WEIGHT_ROW(k)                                                      \
  {TOY_WEIGHT(k, 0),  TOY_WEIGHT(k, 1),  TOY_WEIGHT(k, 2),  TOY_WEIGHT(k, 3),  \
   TOY_WEIGHT(k, 4),  TOY_WEIGHT(k, 5),  TOY_WEIGHT(k, 6),  TOY_WEIGHT(k, 7),  \
   TOY_WEIGHT(k, 8),  TOY_WEIGHT(k, 9),  TOY_WEIGHT(k, 10), TOY_WEIGHT(k, 11), \
   TOY_WEIGHT(k, 12), TOY_WEIGHT(k, 13), TOY_WEIGHT(k, 14), TOY_WEIGHT(k, 15)}

// weight [16, 16], bias [16], scale [16], one after the other.
__attribute__((aligned(64))) static const float toy_weights[TOY_COLUMNS + 2][TOY_COLUMNS] = {
    TOY_WEIGHT_ROW(0),  TOY_WEIGHT_ROW(1),  TOY_WEIGHT_ROW(2),  TOY_WEIGHT_ROW(3),  TOY_WEIGHT_ROW(4),
    TOY_WEIGHT_ROW(5),  TOY_WEIGHT_ROW(6),  TOY_WEIGHT_ROW(7),  TOY_WEIGHT_ROW(8),  TOY_WEIGHT_ROW(9),
    TOY_WEIGHT_ROW(10), TOY_WEIGHT_ROW(11), TOY_WEIGHT_ROW(12), TOY_WEIGHT_ROW(13), TOY_WEIGHT_ROW(14),
    TOY_WEIGHT_ROW(15), TOY_ROW(TOY_BIAS),  TOY_ROW(TOY_SCALE)};

#endif  // RUNTIME_MODEL_TESTING_TOY_WEIGHTS_H_
