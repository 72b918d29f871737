#include "kernels/cpp/attention.h"

#include "kernels/cpp/engine/pack.h"
#include "kernels/cpp/engine/plan.h"
#include "kernels/cpp/engine/softmax.h"
#include "kernels/cpp/engine/tile.h"
#include "kernels/cpp/scratch.h"
#include "kernels/cpp/vec_math.h"

AOTI_BEGIN_NAMESPACE
namespace {

// Of packed keys, packed values and unfinished results of a block, each.
constexpr int64_t kBlockFloats = 32 * 1024;
constexpr int64_t kMaxBlockKeys = 512;
constexpr int64_t kMaxBlockRows = 128;

struct Scratch {
  float keys[kBlockFloats];
  float values[kBlockFloats];
  float results[kBlockFloats];                 // [rows][padded Dv]
  float scores[kMaxTileRows * kMaxBlockKeys];  // of one strip: [rows][padded keys]
  float maximum[kMaxBlockRows];
  float sum[kMaxBlockRows];
};
static_assert(sizeof(Scratch) <= kAttentionScratchBytes,
              "kernels/cpp/scratch.h and scratch.py state too little");

int64_t pad(int64_t n) { return ceil_div(n, kTilePanel) * kTilePanel; }

int64_t multiple_within(int64_t n, int64_t unit, int64_t most) {
  n = n / unit * unit;
  return n < unit ? unit : (n > most ? most : n);
}

// The widest group of panels whose tile still takes the strip's rows.
int64_t widest_panels(int64_t rows) {
  int64_t panels = kMaxTilePanels;
  while (panels > 1 && max_tile_rows(panels) < rows) --panels;
  return panels;
}

// acc[rows][padded columns] (+)= A[rows][k] * B, where A has rows `a_stride` apart
struct StripProduct {
  const float *a;
  int64_t a_row_stride;
  int64_t k;
  const float *b;
  int64_t b_k_stride, b_panel_stride;
  float *acc;
  int64_t acc_stride;
  bool accumulate;

  void run(int64_t rows, int64_t panels) const {
    Segment segment;
    for (int64_t i = 0; i < rows; ++i) segment.rows[i] = a + i * a_row_stride;
    segment.length = k;
    segment.k = 0;
    const int64_t groups = ceil_div(panels, widest_panels(rows));
    for (int64_t g = 0; g < groups; ++g) {
      const Range range = balanced_part(panels, groups, g);
      const float *first = b + range.begin * b_panel_stride;
      const TileArgs args{&segment,
                          1,
                          1,
                          first,
                          b_k_stride,
                          b_panel_stride,
                          acc + range.begin * kTilePanel,
                          acc_stride,
                          accumulate,
                          reinterpret_cast<const char *>(first),
                          0,
                          0};
      float32_tiles().at(rows, range.end - range.begin)(args);
    }
  }
};

struct Attention {
  AotiKernelContext *context;
  const AttentionArgs &args;
  int64_t block_keys;  // depends on D and Dv only
  int64_t row_blocks;  // of one head

  static void run_blocks(void *self, int64_t begin, int64_t end, int32_t thread) {
    const Attention &attention = *static_cast<const Attention *>(self);
    Scratch &scratch = *static_cast<Scratch *>(aoti_scratch(attention.context, thread));
    for (int64_t i = begin; i < end; ++i) attention.run_block(i, scratch);
  }

  void run_block(int64_t index, Scratch &scratch) const {
    const AttentionArgs &p = args;
    const int64_t head = index / row_blocks % p.H, batch = index / row_blocks / p.H;
    const Range rows = balanced_part(p.Sq, row_blocks, index % row_blocks);
    for (int64_t i = 0; i < rows.end - rows.begin; ++i) {
      scratch.maximum[i] = -INFINITY;
      scratch.sum[i] = 0.0f;
    }
    const int64_t visible = p.causal && rows.end < p.Sk ? rows.end : p.Sk;
    for (int64_t key = 0; key < visible; key += block_keys) {
      const int64_t keys = visible - key < block_keys ? visible - key : block_keys;
      add_keys(batch, head, rows, Range{key, key + keys}, scratch);
    }
    finish(batch, head, rows, visible > 0, scratch);
  }

  void add_keys(int64_t batch, int64_t head, Range rows, Range keys, Scratch &scratch) const {
    const AttentionArgs &p = args;
    const int64_t count = keys.end - keys.begin, kv_head = head / (p.H / p.Hkv);
    const float *k = p.k + batch * p.k_strides[0] + kv_head * p.k_strides[1] + keys.begin * p.k_strides[2];
    pack_panels(k, 1, p.k_strides[2], p.D, count, scratch.keys);
    const float *v = p.v + batch * p.v_strides[0] + kv_head * p.v_strides[1] + keys.begin * p.v_strides[2];
    StripProduct weighted{scratch.scores, pad(count), count,         v, p.v_strides[2], kTilePanel,
                          nullptr,        pad(p.Dv),  keys.begin > 0};
    // every strip reads the values; and where panels are not full, a tile would read past the end of the last
    // row
    if (rows.end - rows.begin > max_tile_rows(1) || p.Dv % kTilePanel != 0) {
      pack_panels(v, p.v_strides[2], 1, count, p.Dv, scratch.values);
      weighted.b = scratch.values;
      weighted.b_k_stride = kTilePanel;
      weighted.b_panel_stride = count * kTilePanel;
    }
    const int64_t total = rows.end - rows.begin, strips = ceil_div(total, max_tile_rows(1));
    for (int64_t s = 0; s < strips; ++s) {
      const Range strip = balanced_part(total, strips, s);
      const int64_t height = strip.end - strip.begin;
      const float *q =
          p.q + batch * p.q_strides[0] + head * p.q_strides[1] + (rows.begin + strip.begin) * p.q_strides[2];
      StripProduct{
          q,          p.q_strides[2], p.D, scratch.keys, kTilePanel, p.D * kTilePanel, scratch.scores,
          pad(count), false}
          .run(height, ceil_div(count, kTilePanel));
      for (int64_t i = 0; i < height; ++i) {
        softmax_row(batch, head, rows.begin + strip.begin + i, keys, scratch, strip.begin + i, i);
      }
      weighted.acc = scratch.results + strip.begin * pad(p.Dv);
      weighted.run(height, ceil_div(p.Dv, kTilePanel));
    }
  }

  // Turns row `i` of the strip's scores into weights against the running maximum, and rescales what the row
  // has so far.
  void softmax_row(int64_t batch, int64_t head, int64_t query, Range keys, Scratch &scratch, int64_t row,
                   int64_t i) const {
    const AttentionArgs &p = args;
    const int64_t padded = pad(keys.end - keys.begin);
    int64_t visible = keys.end - keys.begin;
    if (p.causal && query + 1 - keys.begin < visible) visible = query + 1 - keys.begin;
    if (visible < 0) visible = 0;
    const float *mask = p.mask == nullptr ? nullptr
                                          : p.mask + batch * p.mask_strides[0] + head * p.mask_strides[1] +
                                                query * p.mask_strides[2] + keys.begin * p.mask_strides[3];
    float *scores = scratch.scores + i * padded;
    const float before = scratch.maximum[row];
    const float largest = scale_and_mask(scores, visible, padded, p.scale, mask, p.mask_strides[3]);
    const float maximum = aoti_maximum(before, largest);
    const float sum = exponentiate(scores, padded, maximum);
    scratch.maximum[row] = maximum;
    if (keys.begin == 0) {
      scratch.sum[row] = sum;
      return;
    }
    const float factor = before == -INFINITY ? 0.0f : vec::exp_of_negative(before - maximum);
    scratch.sum[row] = scratch.sum[row] * factor + sum;
    float *result = scratch.results + row * pad(p.Dv);
    for (int64_t d = 0; d < pad(p.Dv); ++d) result[d] *= factor;
  }

  void finish(int64_t batch, int64_t head, Range rows, bool any, const Scratch &scratch) const {
    const AttentionArgs &p = args;
    for (int64_t i = 0; i < rows.end - rows.begin; ++i) {
      float *out =
          p.out + batch * p.out_strides[0] + head * p.out_strides[1] + (rows.begin + i) * p.out_strides[2];
      const float *result = scratch.results + i * pad(p.Dv);
      const float inverse = any && scratch.sum[i] != 0.0f ? 1.0f / scratch.sum[i] : 0.0f;
      for (int64_t d = 0; d < p.Dv; ++d) out[d] = any ? result[d] * inverse : 0.0f;
    }
  }
};

}  // namespace

void attention_run(AotiKernelContext *context, const AttentionArgs &p) {
  if (p.D > kAttentionMaxHeadSize || p.Dv > kAttentionMaxHeadSize) {
    aoti_kernel_fail(context, "attention_f32: head sizes up to 2048 are supported, this one is larger",
                     p.D > p.Dv ? p.D : p.Dv);
    return;
  }
  if (context->scratch_bytes_per_thread < kAttentionScratchBytes) {
    aoti_kernel_fail(context,
                     "attention_f32: the model's table states too little scratch, in bytes per thread",
                     context->scratch_bytes_per_thread);
    return;
  }
  if (p.B <= 0 || p.H <= 0 || p.Sq <= 0 || p.Dv <= 0) return;
  const int64_t size = pad(p.D > p.Dv ? p.D : p.Dv),
                threads = context->threads == nullptr ? 1 : context->threads->num_threads;
  const int64_t block_keys = multiple_within(kBlockFloats / (size > 0 ? size : 1), kTilePanel, kMaxBlockKeys);
  const int64_t most_rows = multiple_within(kBlockFloats / pad(p.Dv), kMaxTileRows, kMaxBlockRows);
  // enough blocks that every thread gets one, as few as possible otherwise: each packs its keys
  int64_t row_blocks = ceil_div(p.Sq, most_rows);
  const int64_t wanted = ceil_div(threads, p.B * p.H), most_blocks = ceil_div(p.Sq, kMaxTileRows);
  if (row_blocks < wanted) row_blocks = wanted < most_blocks ? wanted : most_blocks;
  Attention work{context, p, block_keys, row_blocks};
  aoti_parallel_for(context->threads, p.B * p.H * row_blocks, 1, &Attention::run_blocks, &work);
}

AOTI_END_NAMESPACE
