// A model library written by hand as the compiler would write one: the tables, a wrapper and two kernels.
//
//   def forward(self, x, y, index):        # x, y: float32 [s0, 16], s0 even, 2 to 64; index: int64 [1]
//       h = torch.relu(x @ self.weight + self.bias)
//       return h * self.scale, x[:, index] + y[:, index], y
//
// Between them they use everything that generated code may: a dynamic dimension with a divisibility guard and
// an equality, a planned arena, per-thread scratch, threads, plain and packed constants, a kernel that can
// find bad data, and an output that is an input. self.scale is a parameter times another (net.scale,
// net.gain), folded by the compiler.
#include "aoti/model.h"
#include "aoti/model_api.h"

#include "runtime/model/testing/toy_weights.h"

namespace {

constexpr int64_t kColumns = TOY_COLUMNS;

struct Kernels {
  void (*cpp_fused_addmm_relu_0)(AotiKernelContext *ctx, const float *x, const float *weight,
                                 const float *bias, float *out, int64_t rows);
  void (*cpp_fused_mul_1)(const float *in, const float *scale, float *out, int64_t rows);
  void (*cpp_fused_add_index_2)(AotiKernelContext *ctx, const float *x, const float *y, const int64_t *index,
                                float *out, int64_t rows);
};

struct AddmmArgs {
  AotiKernelContext *ctx;
  const float *x, *weight, *bias;
  float *out;
};

void addmm_relu_task(void *argument, int64_t begin, int64_t end, int32_t thread) {
  const AddmmArgs *args = static_cast<const AddmmArgs *>(argument);
  float *sums = static_cast<float *>(aoti_scratch(args->ctx, thread));
  for (int64_t i = begin; i < end; ++i) {
    for (int64_t j = 0; j < kColumns; ++j) sums[j] = args->bias[j];
    for (int64_t k = 0; k < kColumns; ++k) {
      const float factor = args->x[i * kColumns + k];
      for (int64_t j = 0; j < kColumns; ++j) sums[j] += factor * args->weight[k * kColumns + j];
    }
    for (int64_t j = 0; j < kColumns; ++j) args->out[i * kColumns + j] = sums[j] > 0 ? sums[j] : 0;
  }
}

void cpp_fused_addmm_relu_0(AotiKernelContext *ctx, const float *x, const float *weight, const float *bias,
                            float *out, int64_t rows) {
  AddmmArgs args{ctx, x, weight, bias, out};
  aoti_parallel_for(ctx->threads, rows, 1, addmm_relu_task, &args);
}

void cpp_fused_mul_1(const float *in, const float *scale, float *out, int64_t rows) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < kColumns; ++j) out[i * kColumns + j] = in[i * kColumns + j] * scale[j];
  }
}

void cpp_fused_add_index_2(AotiKernelContext *ctx, const float *x, const float *y, const int64_t *index,
                           float *out, int64_t rows) {
  if (index[0] < 0 || index[0] >= kColumns) {
    aoti_kernel_fail(ctx, "index out of range; expected 0 to 15 (toy.py:4 in forward)", index[0]);
    return;
  }
  for (int64_t i = 0; i < rows; ++i) out[i] = x[i * kColumns + index[0]] + y[i * kColumns + index[0]];
}

const Kernels baseline_kernels = {cpp_fused_addmm_relu_0, cpp_fused_mul_1, cpp_fused_add_index_2};

void traced_addmm_relu(AotiKernelContext *ctx, const float *x, const float *weight, const float *bias,
                       float *out, int64_t rows) {
  cpp_fused_addmm_relu_0(ctx, x, weight, bias, out, rows);
  ctx->tracer->record(ctx->tracer->ctx, "cpp_fused_addmm_relu_0", "addmm at toy.py:2", 10, 30);
}

const Kernels traced_kernels = {traced_addmm_relu, cpp_fused_mul_1, cpp_fused_add_index_2};

int64_t arena_bytes_for(const int64_t *symbols) { return symbols[0] * kColumns * 4; }

int32_t run(AotiRunArgs *args) {
  const Kernels *kernels = static_cast<const Kernels *>(args->kernels);
  const int64_t s0 = args->symbols[0];
  const int64_t size0[] = {s0, kColumns}, stride0[] = {kColumns, 1}, size1[] = {s0, 1}, stride1[] = {1, 1};
  float *buf0 = aoti_arena<float>(args, 0);
  kernels->cpp_fused_addmm_relu_0(args->ctx, aoti_data<const float>(args->inputs[0]),
                                  aoti_constant<float>(args, 0), aoti_constant<float>(args, 1), buf0, s0);
  AtenTensorHandle buf1_handle = nullptr;
  AOTI_TORCH_ERROR_CODE_CHECK(
      aoti_torch_empty_strided(2, size0, stride0, AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CPU, 0, &buf1_handle));
  RAIIAtenTensorHandle buf1(buf1_handle);
  kernels->cpp_fused_mul_1(buf0, aoti_constant<float>(args, 2), aoti_data<float>(buf1), s0);
  AtenTensorHandle buf2_handle = nullptr;
  AOTI_TORCH_ERROR_CODE_CHECK(
      aoti_torch_empty_strided(2, size1, stride1, AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CPU, 0, &buf2_handle));
  RAIIAtenTensorHandle buf2(buf2_handle);
  kernels->cpp_fused_add_index_2(args->ctx, aoti_data<const float>(args->inputs[0]),
                                 aoti_data<const float>(args->inputs[1]),
                                 aoti_data<const int64_t>(args->inputs[2]), aoti_data<float>(buf2), s0);
  AOTI_KERNEL_CHECK(args->ctx, "cpp_fused_add_index_2");
  args->outputs[0] = buf1.release();
  args->outputs[1] = buf2.release();
  args->outputs[2] = args->inputs[1];
  args->inputs[1] = nullptr;
  return AOTI_RUNTIME_SUCCESS;
}

const AotiDimDesc rows_by_columns[] = {{2, 64, 2, 0, 0}, AOTI_STATIC_DIM(kColumns)};
const AotiDimDesc rows_by_one[] = {{2, 64, 2, 0, 0}, AOTI_STATIC_DIM(1)};
const AotiDimDesc one[] = {AOTI_STATIC_DIM(1)};

const AotiTensorDesc inputs[] = {
    {"x", AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CPU, 2, rows_by_columns, nullptr, "toy.py:3 in forward"},
    {"y", AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CPU, 2, rows_by_columns, nullptr, "toy.py:4 in forward"},
    {"index", AOTI_DTYPE_INT64, AOTI_DEVICE_CPU, 1, one, nullptr, nullptr}};
const AotiTensorDesc outputs[] = {
    {"mul", AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CPU, 2, rows_by_columns, nullptr, "toy.py:4 in forward"},
    {"add", AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CPU, 2, rows_by_one, nullptr, "toy.py:4 in forward"},
    {"y", AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CPU, 2, rows_by_columns, nullptr, "toy.py:4 in forward"}};

const int64_t weight_sizes[] = {kColumns, kColumns}, row_sizes[] = {kColumns};
const AotiConstantDesc constants[] = {
    {"net_weight", "net.weight", AOTI_DTYPE_FLOAT32, 2, weight_sizes, nullptr, 0, 4 * kColumns * kColumns,
     AOTI_CONSTANT_PARAMETER, AOTI_PACKING_PLAIN},
    {"net_bias", "net.bias", AOTI_DTYPE_FLOAT32, 1, row_sizes, nullptr, 4 * kColumns * kColumns, 4 * kColumns,
     AOTI_CONSTANT_BUFFER, AOTI_PACKING_PLAIN},
    {"net_scale", "net.scale", AOTI_DTYPE_FLOAT32, 1, row_sizes, nullptr, 4 * kColumns * (kColumns + 1),
     4 * kColumns, AOTI_CONSTANT_FOLDED, AOTI_PACKING_OTHER}};

// The scale that the kernels read was folded of two parameters; the bias is kept twice in the model (tied);
// a table was looked at by the compiler.
const AotiOriginalDesc originals[] = {
    {"net_weight", "net.weight", AOTI_DTYPE_FLOAT32, 2, weight_sizes, AOTI_CONSTANT_PARAMETER, -1, 0},
    {"net_bias", "net.bias", AOTI_DTYPE_FLOAT32, 1, row_sizes, AOTI_CONSTANT_BUFFER, -1, 0},
    {"net_scale", "net.scale", AOTI_DTYPE_FLOAT32, 1, row_sizes, AOTI_CONSTANT_PARAMETER, -1, 0},
    {"net_gain", "net.gain", AOTI_DTYPE_FLOAT32, 0, nullptr, AOTI_CONSTANT_PARAMETER, -1, 0},
    {"tied_bias", "tied.bias", AOTI_DTYPE_FLOAT32, 1, row_sizes, AOTI_CONSTANT_BUFFER, 1, 0}};

const int64_t weight_recipe[] = {AOTI_RECIPE_SOURCE, 0};
const int64_t bias_recipe[] = {AOTI_RECIPE_SOURCE, 1};
const int64_t scale_recipe[] = {
    AOTI_RECIPE_SOURCE, 2, AOTI_RECIPE_SOURCE, 3, AOTI_RECIPE_BINARY, AOTI_RECIPE_MUL, AOTI_RECIPE_CAST,
    AOTI_DTYPE_FLOAT32};
const AotiRecipe recipes[] = {{weight_recipe, 2, nullptr, nullptr, 0, 0},
                              {bias_recipe, 2, nullptr, nullptr, 0, 0},
                              {scale_recipe, 8, nullptr, nullptr, 0, 0}};

const AotiIsaVariant isa[] = {{AOTI_ISA_BASELINE, "baseline", &baseline_kernels, &traced_kernels}};

const char in_spec[] =
    "[1, {\"type\": \"builtins.tuple\", \"context\": \"null\", \"children_spec\": [{\"type\": "
    "\"builtins.tuple\", "
    "\"context\": \"null\", \"children_spec\": [{\"type\": null, \"context\": null, \"children_spec\": []}, "
    "{\"type\": "
    "null, \"context\": null, \"children_spec\": []}, {\"type\": null, \"context\": null, \"children_spec\": "
    "[]}]}, "
    "{\"type\": \"builtins.dict\", \"context\": \"[]\", \"children_spec\": []}]}]";
const char out_spec[] =
    "[1, {\"type\": \"builtins.tuple\", \"context\": \"null\", \"children_spec\": [{\"type\": null, "
    "\"context\": null, "
    "\"children_spec\": []}, {\"type\": null, \"context\": null, \"children_spec\": []}, {\"type\": null, "
    "\"context\": "
    "null, \"children_spec\": []}]}]";

}  // namespace

extern "C" {

__attribute__((visibility("hidden"))) extern const AotiModelDesc aoti_model_desc;
const AotiModelDesc aoti_model_desc = {sizeof(AotiModelDesc),
                                       AOTI_MODEL_ABI_VERSION,
                                       "toy",
                                       "hand-written",
                                       in_spec,
                                       out_spec,
                                       3,  // inputs
                                       3,  // outputs
                                       3,  // constants
                                       1,  // symbols
                                       1,  // variants
                                       0,
                                       inputs,
                                       outputs,
                                       constants,
                                       isa,
                                       0,
                                       arena_bytes_for,
                                       4 * kColumns,
                                       reinterpret_cast<const uint8_t *>(toy_weights),
                                       nullptr,
                                       sizeof(toy_weights),
                                       run,
                                       nullptr,
                                       0,  // sizes known at run time only
                                       0,
                                       nullptr,
                                       nullptr,
                                       nullptr,
                                       nullptr,
                                       5,  // originals
                                       0,
                                       originals,
                                       recipes};

AOTI_MODEL_EXPORT const AotiModelApi *toy_api(void) { return aoti_model_api_of_this_library(); }

}  // extern "C"
