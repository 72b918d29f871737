// Recipes run on small tensors: moves, arithmetic, the way back, and what a broken one is told.
#include "runtime/model/recipe.h"

#include <string.h>

#include <vector>

#include "runtime/model/error.h"
#include "tools/testing/check.h"

namespace {

using aoti_model::recipe_evaluate;
using aoti_model::recipe_recover;
using Words = std::vector<int64_t>;

AtenTensorHandle tensor(const void *data, int32_t dtype, const Words &sizes) {
  Words strides(sizes.size(), 1);
  for (size_t d = sizes.size(); d-- > 1;) strides[d - 1] = strides[d] * sizes[d];
  AtenTensorHandle handle = nullptr;
  CHECK_EQ(aoti_torch_create_tensor_from_blob(const_cast<void *>(data), static_cast<int64_t>(sizes.size()),
                                              sizes.data(), strides.data(), 0, dtype, 0, 0, &handle),
           0);
  return handle;
}

std::vector<float> floats_of(AtenTensorHandle handle) {
  void *data = nullptr;
  int64_t numel = 0;
  CHECK_EQ(aoti_torch_get_data_ptr(handle, &data), 0);
  CHECK_EQ(aoti_torch_get_numel(handle, &numel), 0);
  const float *from = static_cast<const float *>(data);
  return std::vector<float>(from, from + numel);
}

AotiRecipe recipe_of(const Words &words) {
  return AotiRecipe{words.data(), static_cast<int64_t>(words.size()), nullptr, nullptr, 0, 0};
}

// [3, 5] in panels of 4: [2, 3, 4].
const Words kPanels = {
    AOTI_RECIPE_SOURCE, 0, AOTI_RECIPE_PAD, 1, 8, AOTI_RECIPE_VIEW, 3, 2, 3, 4, 4, 8, 1, 0};

void test_moves_and_back() {
  float values[15];
  for (int i = 0; i < 15; ++i) values[i] = static_cast<float>(i + 1);
  AtenTensorHandle source = tensor(values, AOTI_DTYPE_FLOAT32, {3, 5}), view = nullptr, packed = nullptr;
  const AotiRecipe recipe = recipe_of(kPanels);
  CHECK(aoti_model::recipe_is_moves(recipe) && aoti_model::recipe_uses(recipe, 0));
  CHECK_EQ(recipe_evaluate("w", recipe, &source, &view), 0);
  CHECK_EQ(aoti_torch_clone(view, &packed), 0);
  int64_t strides[] = {12, 4, 1}, sizes[] = {2, 3, 4}, flat = 24, one = 1;
  AtenTensorHandle dense = nullptr;
  CHECK_EQ(aoti_torch_empty_strided(3, sizes, strides, AOTI_DTYPE_FLOAT32, 0, 0, &dense), 0);
  CHECK_EQ(aoti_torch_copy_(dense, view, 0), 0);
  const std::vector<float> got = floats_of(dense);
  for (int p = 0; p < 2; ++p) {
    for (int k = 0; k < 3; ++k) {
      for (int c = 0; c < 4; ++c) {
        const int n = 4 * p + c;
        CHECK_NEAR(got[static_cast<size_t>(12 * p + 4 * k + c)], n < 5 ? values[5 * k + n] : 0, 0);
      }
    }
  }
  const int64_t original_sizes[] = {3, 5};
  const AotiOriginalDesc original = {"w", "w", AOTI_DTYPE_FLOAT32, 2, original_sizes, 1, -1, 0};
  AotiModelDesc desc = {};
  desc.num_originals = 1;
  desc.originals = &original;
  const AotiConstantDesc constant = {"w_packed", "w", AOTI_DTYPE_FLOAT32, 1, &flat, nullptr, 0, 96, 1, 1,
                                     0,          0};
  AtenTensorHandle stored = nullptr, back = nullptr;
  CHECK_EQ(aoti_torch__reinterpret_tensor(dense, 1, &flat, &one, 0, &stored), 0);
  bool whole = false;
  CHECK_EQ(recipe_recover(desc, constant, recipe, 0, stored, &whole, &back), 0);
  CHECK(whole);
  if (whole) CHECK(memcmp(floats_of(back).data(), values, sizeof values) == 0);
  for (AtenTensorHandle handle : std::vector<AtenTensorHandle>{source, view, packed, dense, stored, back}) {
    aoti_torch_delete_tensor_object(handle);
  }
}

// cast(mul(rsqrt(add(v, 3.0)), view(w))), with broadcasting: a batch norm's factor in a weight.
void test_arithmetic() {
  const float v[] = {1, 6}, w[] = {1, 2, 3, 4, 5, 6};
  double three = 3;
  int64_t bits = 0;
  memcpy(&bits, &three, sizeof bits);
  const Words words = {AOTI_RECIPE_SOURCE,
                       0,
                       AOTI_RECIPE_SCALAR,
                       bits,
                       AOTI_RECIPE_BINARY,
                       AOTI_RECIPE_ADD,
                       AOTI_RECIPE_UNARY,
                       AOTI_RECIPE_RSQRT,
                       AOTI_RECIPE_VIEW,
                       2,
                       2,
                       1,
                       1,
                       1,
                       0,
                       AOTI_RECIPE_SOURCE,
                       1,
                       AOTI_RECIPE_BINARY,
                       AOTI_RECIPE_MUL,
                       AOTI_RECIPE_CAST,
                       AOTI_DTYPE_FLOAT32};
  AtenTensorHandle sources[] = {tensor(v, AOTI_DTYPE_FLOAT32, {2}), tensor(w, AOTI_DTYPE_FLOAT32, {2, 3})};
  AtenTensorHandle result = nullptr;
  CHECK_EQ(recipe_evaluate("w", recipe_of(words), sources, &result), 0);
  const float expected[] = {0.5f, 1, 1.5f, 4 / 3.0f, 5 / 3.0f, 2};
  const std::vector<float> got = floats_of(result);
  for (size_t i = 0; i < 6; ++i) CHECK_NEAR(got[i], expected[i], 0);
  CHECK(!aoti_model::recipe_is_moves(recipe_of(words)));
  for (AtenTensorHandle handle : sources) aoti_torch_delete_tensor_object(handle);
  aoti_torch_delete_tensor_object(result);
}

void test_cat_of_bfloat16() {
  const uint16_t a[] = {0x3f80, 0x4000}, b[] = {0x4040};  // 1, 2; 3
  const Words words = {AOTI_RECIPE_SOURCE, 0, AOTI_RECIPE_SOURCE, 1, AOTI_RECIPE_CAT, 2, 0, AOTI_RECIPE_CAST,
                       AOTI_DTYPE_FLOAT32};
  AtenTensorHandle sources[] = {tensor(a, AOTI_DTYPE_BFLOAT16, {2}), tensor(b, AOTI_DTYPE_BFLOAT16, {1})};
  AtenTensorHandle result = nullptr;
  CHECK_EQ(recipe_evaluate("w", recipe_of(words), sources, &result), 0);
  const std::vector<float> got = floats_of(result);
  CHECK(got.size() == 3 && got[0] == 1 && got[1] == 2 && got[2] == 3);
  for (AtenTensorHandle handle : sources) aoti_torch_delete_tensor_object(handle);
  aoti_torch_delete_tensor_object(result);
}

void test_broken_recipes() {
  const float v[] = {1, 2};
  AtenTensorHandle source = tensor(v, AOTI_DTYPE_FLOAT32, {2});
  const struct {
    Words words;
    const char *part;
  } cases[] = {
      {{99, 0}, "word 0 is no operation"},
      {{AOTI_RECIPE_SOURCE}, "word 0 is no operation"},
      {{AOTI_RECIPE_SOURCE, 0, AOTI_RECIPE_VIEW, 1, 3, 1, 0}, "a view that ends at element 2 of 2"},
      {{AOTI_RECIPE_SOURCE, 0, AOTI_RECIPE_VIEW, 1, INT64_MAX, INT64_MAX, 0}, "a view that ends"},
      {{AOTI_RECIPE_SOURCE, 0, AOTI_RECIPE_VIEW, 99, 1}, "word 2 is no operation"},
      {{AOTI_RECIPE_SOURCE, 0, AOTI_RECIPE_PAD, 1, 4}, "dimension 1 padded to 4"},
      {{AOTI_RECIPE_SOURCE, 0, AOTI_RECIPE_PAD, 0, 1}, "dimension 0 padded to 1"},
      {{AOTI_RECIPE_SOURCE, 0, AOTI_RECIPE_CAT, 2, 0}, "2 parts to join"},
      {{AOTI_RECIPE_BINARY, AOTI_RECIPE_ADD}, "an operation without a value"},
      {{AOTI_RECIPE_SOURCE, 0, AOTI_RECIPE_BINARY, AOTI_RECIPE_ADD}, "a calculation with 1 operands"},
      {{AOTI_RECIPE_SOURCE, 0, AOTI_RECIPE_UNARY, 77}, "77 is no function"},
      {{AOTI_RECIPE_SOURCE, 0, AOTI_RECIPE_SOURCE, 0}, "2 values are left"},
      {{AOTI_RECIPE_SOURCE, 0, AOTI_RECIPE_CAST, 1234}, "dtype"},
      {{}, "0 values are left"},
  };
  for (const auto &c : cases) {
    AtenTensorHandle result = nullptr;
    CHECK_EQ(recipe_evaluate("fc.weight", recipe_of(c.words), &source, &result), AOTI_RUNTIME_FAILURE);
    CHECK_CONTAINS(aoti_model::last_error(), c.part);
    CHECK_CONTAINS(aoti_model::last_error(), "constant 'fc.weight' could not be made of its new values");
    CHECK(result == nullptr);
  }
  CHECK(!aoti_model::recipe_sources_below(recipe_of(cases[0].words), 1));
  CHECK(!aoti_model::recipe_sources_below(recipe_of({AOTI_RECIPE_SOURCE, 1}), 1));
  CHECK(aoti_model::recipe_sources_below(recipe_of(kPanels), 1));
  aoti_torch_delete_tensor_object(source);
}

// The compiler has the same (compiler/lowering/constants.py; its test has this number too).
void test_content_hash() {
  const uint8_t bytes[] = {1, 2, 3};
  CHECK_EQ(aoti_content_hash(bytes, 3), 17094369652493748546u);
  CHECK(aoti_content_hash(bytes, 2) != aoti_content_hash(bytes, 3));
}

}  // namespace

int main() {
  test_moves_and_back();
  test_arithmetic();
  test_cat_of_bfloat16();
  test_broken_recipes();
  test_content_hash();
  return aoti_test::result();
}
