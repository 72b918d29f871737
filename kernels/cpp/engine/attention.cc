#include "kernels/cpp/attention.h"

#include "kernels/cpp/engine/attention_numbers.h"
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
// With so few queries for a key head, all those of its query heads together, keys are read where they are,
// once.
constexpr int64_t kMaxDirectQueries = 8;
// Query heads that share a key head share its packed keys up to here; beyond it each has blocks of its own.
constexpr int64_t kMaxJoinedQueries = 64;
constexpr int64_t kMinMacsPerTask = 1 << 16;

struct Scratch {
  float keys[kBlockFloats];
  float values[kBlockFloats];
  float results[kBlockFloats];                  // [rows][padded Dv]
  float scores[kMaxTileRows * kMaxBlockKeys];   // of one strip: [rows][padded keys]
  float weights[kMaxTileRows * kMaxBlockKeys];  // the same as words, where those are not floats
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

// acc[rows][padded columns] (+)= A[rows][k] * B; sizes and strides of A and B in words
struct StripProduct {
  const TileTable &tiles;
  const float *b;
  int64_t k, b_k_stride, b_panel_stride;
  int64_t rows_ahead;  // of B, that are asked for while one is read; 0: they are in the cache

  void run(const Segment &segment, int64_t rows, int64_t panels, float *acc, bool accumulate) const {
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
                          panels * kTilePanel,
                          accumulate,
                          reinterpret_cast<const char *>(first + rows_ahead * b_k_stride),
                          rows_ahead > 0 ? b_k_stride * 4 : 0,
                          rows_ahead > 0 ? b_panel_stride * 4 : 0};
      tiles.at(rows, range.end - range.begin)(args);
    }
  }
};

template <class Numbers>
struct Attention {
  typedef typename Numbers::Number Number;

  AotiKernelContext *context;
  const AttentionArgs<Number> &args;
  int64_t block_keys;  // depends on D and Dv only
  int64_t joined;      // query heads of a key head that are rows of one unit: all, or one
  int64_t row_blocks;  // of one unit
  bool direct;         // keys are read where they are
  const TileTable &tiles;

  // The rows of a unit are the queries of its heads, one head after the other.
  struct Unit {
    int64_t batch, first_head, kv_head;
  };
  struct Row {
    int64_t head, query;
  };
  Row row_of(const Unit &unit, int64_t row) const {
    return Row{unit.first_head + row / args.Sq, row % args.Sq};
  }

  static void run_blocks(void *self, int64_t begin, int64_t end, int32_t thread) {
    const Attention &attention = *static_cast<const Attention *>(self);
    Scratch &scratch = *static_cast<Scratch *>(aoti_scratch(attention.context, thread));
    for (int64_t i = begin; i < end; ++i) attention.run_block(i, scratch);
  }

  void run_block(int64_t index, Scratch &scratch) const {
    const AttentionArgs<Number> &p = args;
    const int64_t units = p.H / joined, u = index / row_blocks;
    const Unit unit{u / units, u % units * joined, u % units * joined / (p.H / p.Hkv)};
    const Range rows = balanced_part(joined * p.Sq, row_blocks, index % row_blocks);
    for (int64_t i = 0; i < rows.end - rows.begin; ++i) {
      scratch.maximum[i] = -INFINITY;
      scratch.sum[i] = 0.0f;
    }
    const int64_t visible = visible_keys(unit, rows);
    for (int64_t key = 0; key < visible; key += block_keys) {
      const int64_t keys = visible - key < block_keys ? visible - key : block_keys;
      add_keys(unit, rows, Range{key, key + keys}, scratch);
    }
    finish(unit, rows, visible > 0, scratch);
  }

  // Keys that any of the rows sees.
  int64_t visible_keys(const Unit &unit, Range rows) const {
    if (!args.causal) return args.Sk;
    const Row first = row_of(unit, rows.begin), last = row_of(unit, rows.end - 1);
    const int64_t most = first.head == last.head ? last.query + 1 : args.Sq;
    return most < args.Sk ? most : args.Sk;
  }

  void add_keys(const Unit &unit, Range rows, Range keys, Scratch &scratch) const {
    const AttentionArgs<Number> &p = args;
    const int64_t count = keys.end - keys.begin, depth = p.D / Numbers::kPerWord;
    const float *k = Numbers::words(p.k + unit.batch * p.k_strides[0] + unit.kv_head * p.k_strides[1] +
                                    keys.begin * p.k_strides[2]);
    const int64_t k_stride = p.k_strides[2] / Numbers::kPerWord;
    if (!direct) pack_panels(k, 1, k_stride, depth, count, scratch.keys);
    const StripProduct product{tiles, scratch.keys, depth, kTilePanel, depth * kTilePanel, 0};
    const StripProduct weighted = values(unit, keys, scratch);
    const int64_t total = rows.end - rows.begin, strips = ceil_div(total, max_tile_rows(1));
    for (int64_t s = 0; s < strips; ++s) {
      const Range strip = balanced_part(total, strips, s);
      const int64_t height = strip.end - strip.begin;
      Segment queries;
      fill_queries(unit, rows.begin + strip.begin, height, depth, &queries);
      if (direct) {
        run_dot_block(Numbers::kWords,
                      DotBlock{queries.rows, height, k, k_stride, count, depth, scratch.scores, pad(count)});
      } else {
        product.run(queries, height, ceil_div(count, kTilePanel), scratch.scores, false);
      }
      Segment weights;
      weights.length = weighted.k;
      weights.k = 0;
      for (int64_t i = 0; i < height; ++i) {
        softmax_row(unit, rows.begin + strip.begin + i, keys, scratch, strip.begin + i, i);
        weights.rows[i] =
            Numbers::weights(scratch.scores + i * pad(count), pad(count), scratch.weights + i * pad(count));
      }
      weighted.run(weights, height, ceil_div(p.Dv, kTilePanel), scratch.results + strip.begin * pad(p.Dv),
                   keys.begin > 0);
    }
  }

  void fill_queries(const Unit &unit, int64_t row, int64_t height, int64_t depth, Segment *out) const {
    for (int64_t i = 0; i < height; ++i) {
      const Row at = row_of(unit, row + i);
      out->rows[i] = Numbers::words(args.q + unit.batch * args.q_strides[0] + at.head * args.q_strides[1] +
                                    at.query * args.q_strides[2]);
    }
    out->length = depth;
    out->k = 0;
  }

  // The product with a block of values, packed where every strip reads them or a tile would read past the end
  // of the last row.
  StripProduct values(const Unit &unit, Range keys, Scratch &scratch) const {
    const AttentionArgs<Number> &p = args;
    const int64_t count = keys.end - keys.begin, words = ceil_div(count, Numbers::kPerWord);
    const Number *v =
        p.v + unit.batch * p.v_strides[0] + unit.kv_head * p.v_strides[1] + keys.begin * p.v_strides[2];
    if (Numbers::kPerWord == 1 && direct && p.Dv % kTilePanel == 0)
      return StripProduct{tiles, Numbers::words(v), words, p.v_strides[2], kTilePanel, rows_ahead(p.Dv * 4)};
    Numbers::pack_values(v, p.v_strides[2], count, p.Dv, scratch.values);
    return StripProduct{tiles, scratch.values, words, kTilePanel, words * kTilePanel, 0};
  }

  // Turns row `i` of the strip's scores into weights against the running maximum, and rescales what the row
  // (`index` of its unit, `row` of the block) has so far.
  void softmax_row(const Unit &unit, int64_t index, Range keys, Scratch &scratch, int64_t row,
                   int64_t i) const {
    const AttentionArgs<Number> &p = args;
    const Row at = row_of(unit, index);
    const int64_t padded = pad(keys.end - keys.begin);
    int64_t visible = keys.end - keys.begin;
    if (p.causal && at.query + 1 - keys.begin < visible) visible = at.query + 1 - keys.begin;
    if (visible < 0) visible = 0;
    const float *mask = p.mask == nullptr
                            ? nullptr
                            : p.mask + unit.batch * p.mask_strides[0] + at.head * p.mask_strides[1] +
                                  at.query * p.mask_strides[2] + keys.begin * p.mask_strides[3];
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
    const float factor = before == -INFINITY ? 0.0f : aoti_exp_nonpositivef(before - maximum);
    scratch.sum[row] = scratch.sum[row] * factor + sum;
    float *result = scratch.results + row * pad(p.Dv);
    for (int64_t d = 0; d < pad(p.Dv); ++d) result[d] *= factor;
  }

  void finish(const Unit &unit, Range rows, bool any, const Scratch &scratch) const {
    const AttentionArgs<Number> &p = args;
    for (int64_t i = 0; i < rows.end - rows.begin; ++i) {
      const Row at = row_of(unit, rows.begin + i);
      Number *out =
          p.out + unit.batch * p.out_strides[0] + at.head * p.out_strides[1] + at.query * p.out_strides[2];
      const float *result = scratch.results + i * pad(p.Dv);
      const float inverse = any && scratch.sum[i] != 0.0f ? 1.0f / scratch.sum[i] : 0.0f;
      for (int64_t d = 0; d < p.Dv; ++d) out[d] = Numbers::store(any ? result[d] * inverse : 0.0f);
    }
  }
};

template <class Number>
bool accepts(AotiKernelContext *context, const AttentionArgs<Number> &p) {
  if (p.D > kAttentionMaxHeadSize || p.Dv > kAttentionMaxHeadSize) {
    aoti_kernel_fail(context, "attention: head sizes up to 2048 are supported, this one is larger",
                     p.D > p.Dv ? p.D : p.Dv);
    return false;
  }
  if (context->scratch_bytes_per_thread < kAttentionScratchBytes) {
    aoti_kernel_fail(context, "attention: the model's table states too little scratch, in bytes per thread",
                     context->scratch_bytes_per_thread);
    return false;
  }
  return true;
}

template <class Numbers>
void run(AotiKernelContext *context, const AttentionArgs<typename Numbers::Number> &p) {
  if (!accepts(context, p) || p.B <= 0 || p.H <= 0 || p.Sq <= 0 || p.Dv <= 0) return;
  const int64_t size = pad(p.D > p.Dv ? p.D : p.Dv),
                threads = context->threads == nullptr ? 1 : context->threads->num_threads;
  const int64_t block_keys = multiple_within(kBlockFloats / (size > 0 ? size : 1), kTilePanel, kMaxBlockKeys);
  const int64_t most_rows = multiple_within(kBlockFloats / pad(p.Dv), kMaxTileRows, kMaxBlockRows);
  const int64_t shared = p.H / p.Hkv, joined = shared * p.Sq <= kMaxJoinedQueries ? shared : 1;
  const int64_t rows = joined * p.Sq, units = p.B * p.H / joined;
  // enough blocks that every thread gets one, as few as possible otherwise: each packs its keys
  int64_t row_blocks = ceil_div(rows, most_rows);
  const int64_t wanted = ceil_div(threads, units), most_blocks = ceil_div(rows, kMaxTileRows);
  if (row_blocks < wanted) row_blocks = wanted < most_blocks ? wanted : most_blocks;
  Attention<Numbers> work{
      context, p, block_keys, joined, row_blocks, rows <= kMaxDirectQueries, Numbers::tiles(*context)};
  const int64_t macs = ceil_div(rows, row_blocks) * p.Sk * (p.D + p.Dv);
  aoti_parallel_for(context->threads, units * row_blocks, ceil_div(kMinMacsPerTask, macs + 1),
                    &Attention<Numbers>::run_blocks, &work);
}

}  // namespace

void attention_run(AotiKernelContext *context, const AttentionArgs<float> &args) {
  run<Float32Numbers>(context, args);
}

void attention_run(AotiKernelContext *context, const AttentionArgs<uint16_t> &args) {
  const AttentionArgs<uint16_t> &p = args;
  const int64_t q_sizes[3] = {p.B, p.H, p.Sq}, k_sizes[3] = {p.B, p.Hkv, p.Sk};
  bool even = p.D % 2 == 0;
  for (int i = 0; i < 3; ++i) {  // the stride of a dimension of size 1 says nothing
    even = even && (q_sizes[i] == 1 || p.q_strides[i] % 2 == 0);
    even = even && (k_sizes[i] == 1 || p.k_strides[i] % 2 == 0);
  }
  if (!even) {
    aoti_kernel_fail(context, "attention_bf16: expected an even head size and even strides of q and k",
                     args.D);
    return;
  }
  run<Bfloat16Numbers>(context, args);
}

AOTI_END_NAMESPACE
