#include "kernels/cpp/conv2d.h"
#include "kernels/cpp/engine/plan.h"
#include "kernels/cpp/engine/tile.h"
#include "kernels/cpp/scratch.h"

AOTI_BEGIN_NAMESPACE
namespace {

// F(2x2, 3x3): 4x4 pixels of input and 3x3 weights give 2x2 pixels of output with 16 products instead of 36.
// S. Winograd, Arithmetic Complexity of Computations (1980); A. Lavin, S. Gray, arXiv:1509.09308.
constexpr int64_t kPoints = 16;
constexpr int64_t kOut = 2, kIn = 4;

// Blocks are as many as scratch has room for. Planes are padded: a power of two apart they would compete for
// the same few places in L1.
constexpr int64_t kMaxBlocks = 64;
constexpr int64_t kPlanePad = 16;
constexpr int64_t kInputFloats = 128 * 1024 + kPoints * kPlanePad;
constexpr int64_t kProductFloats = kPoints * (kMaxBlocks * kMaxTilePanels * kTilePanel + kPlanePad);

struct Scratch {
  float input[kInputFloats];      // [point][block][C]
  float product[kProductFloats];  // [point][block][columns of a group]
};
static_assert(sizeof(Scratch) <= kWinogradScratchBytes,
              "kernels/cpp/scratch.h and scratch.py state too little");
static_assert(kInputFloats >= kPoints * (kWinogradMaxChannels + kPlanePad), "one block must fit");

// What pixels in the padding read.
alignas(64) const float kZeros[kWinogradMaxChannels] = {};

struct Winograd {
  AotiKernelContext *context;
  const Conv2dShape &s;
  const float *input, *weights;
  EpilogueRef epilogue;
  int64_t blocks_h, blocks_w;  // 2x2 pixels of output each
  int64_t most_blocks;         // at once
  ColumnGroups columns;
  Split split;

  int64_t blocks() const { return s.N * blocks_h * blocks_w; }

  static void run_parts(void *arg, int64_t begin, int64_t end, int32_t thread) {
    const Winograd &self = *static_cast<const Winograd *>(arg);
    Scratch &scratch = *static_cast<Scratch *>(aoti_scratch(self.context, thread));
    for (int64_t part = begin; part < end; ++part) {
      const Range all = balanced_part(self.blocks(), self.split.rows, part / self.split.columns);
      const Range groups = balanced_part(self.columns.count, self.split.columns, part % self.split.columns);
      const int64_t chunks = ceil_div(all.end - all.begin, self.most_blocks);
      for (int64_t c = 0; c < chunks; ++c) {
        const Range chunk = balanced_part(all.end - all.begin, chunks, c);
        self.run_chunk(Range{all.begin + chunk.begin, all.begin + chunk.end}, groups, scratch);
      }
    }
  }

  void run_chunk(Range blocks, Range groups, Scratch &scratch) const {
    const int64_t count = blocks.end - blocks.begin, plane = count * s.C + kPlanePad;
    for (int64_t i = 0; i < count; ++i) transform_input(blocks.begin + i, plane, scratch.input + i * s.C);
    for (int64_t g = groups.begin; g < groups.end; ++g) {
      const Range panels = balanced_part(columns.panels, columns.count, g);
      for (int64_t point = 0; point < kPoints; ++point) {
        multiply(point, count, scratch.input + point * plane, panels, g + 1 < groups.end, scratch.product);
      }
      transform_output(blocks, panels, scratch.product);
    }
  }

  // B^T d B for one 4x4 block of input, all channels; the 16 results go to planes.
  void transform_input(int64_t block, int64_t plane, float *out) const {
    const int64_t bw = block % blocks_w, bh = block / blocks_w % blocks_h, n = block / blocks_w / blocks_h;
    const float *pixels[kIn][kIn];
    for (int64_t y = 0; y < kIn; ++y) {
      for (int64_t x = 0; x < kIn; ++x) {
        const int64_t h = bh * kOut - s.pad_h + y, w = bw * kOut - s.pad_w + x;
        const bool in_image = h >= 0 && h < s.H && w >= 0 && w < s.W;
        pixels[y][x] = in_image ? input + ((n * s.H + h) * s.W + w) * s.C : kZeros;
      }
    }
    for (int64_t c = 0; c < s.C; c += kLanes) {
      vf rows[kIn][kIn];
      AOTI_UNROLL
      for (int x = 0; x < kIn; ++x) {
        const vf d0 = vf_load(pixels[0][x] + c), d1 = vf_load(pixels[1][x] + c);
        const vf d2 = vf_load(pixels[2][x] + c), d3 = vf_load(pixels[3][x] + c);
        rows[0][x] = d0 - d2;
        rows[1][x] = d1 + d2;
        rows[2][x] = d2 - d1;
        rows[3][x] = d1 - d3;
      }
      AOTI_UNROLL
      for (int y = 0; y < kIn; ++y) {
        float *to = out + y * kIn * plane + c;
        vf_store(to, rows[y][0] - rows[y][2]);
        vf_store(to + plane, rows[y][1] + rows[y][2]);
        vf_store(to + 2 * plane, rows[y][2] - rows[y][1]);
        vf_store(to + 3 * plane, rows[y][1] - rows[y][3]);
      }
    }
  }

  int64_t product_plane(int64_t count, Range panels) const {
    return count * (panels.end - panels.begin) * kTilePanel + kPlanePad;
  }

  const float *weights_of(int64_t point, int64_t panel) const {
    return weights + (point * columns.panels + panel) * s.C * kTilePanel;
  }

  // product[point] = input[point] * weights[point] for one group of panels.
  void multiply(int64_t point, int64_t count, const float *rows, Range panels, bool more,
                float *product) const {
    const int64_t width = panels.end - panels.begin, strips = ceil_div(count, max_tile_rows(width));
    const float *b = weights_of(point, panels.begin), *next = b;
    int64_t step = 0;
    if (point + 1 < kPoints || more) {
      next = point + 1 < kPoints ? weights_of(point + 1, panels.begin) : weights_of(0, panels.end);
      step = ceil_div(kTilePanel * 4, strips);
    }
    float *out = product + point * product_plane(count, panels);
    for (int64_t i = 0; i < strips; ++i) {
      const Range strip = balanced_part(count, strips, i);
      Segment segment;
      for (int64_t r = 0; r < strip.end - strip.begin; ++r) segment.rows[r] = rows + (strip.begin + r) * s.C;
      segment.length = s.C;
      segment.k = 0;
      const char *prefetch = reinterpret_cast<const char *>(next) + i * step * s.C;
      const TileArgs args{&segment,
                          1,
                          1,
                          b,
                          kTilePanel,
                          s.C * kTilePanel,
                          out + strip.begin * width * kTilePanel,
                          width * kTilePanel,
                          false,
                          prefetch,
                          step,
                          step == 0 ? 0 : s.C * kTilePanel * 4};
      float32_tiles().at(strip.end - strip.begin, width)(args);
    }
  }

  // A^T m A for all blocks, and the epilogue: up to four blocks side by side are rows of up to eight pixels.
  void transform_output(Range blocks, Range panels, const float *product) const {
    constexpr int64_t kSideBySide = kMaxTileRows / kOut;
    const int64_t width = (panels.end - panels.begin) * kTilePanel;
    const int64_t plane = product_plane(blocks.end - blocks.begin, panels);
    alignas(64) float out[kOut][kMaxTileRows * kMaxTilePanels * kTilePanel];
    for (int64_t b = blocks.begin; b < blocks.end;) {
      const int64_t bw = b % blocks_w;
      int64_t count = blocks_w - bw < kSideBySide ? blocks_w - bw : kSideBySide;
      if (count > blocks.end - b) count = blocks.end - b;
      for (int64_t i = 0; i < count; ++i) {
        const float *from = product + (b - blocks.begin + i) * width;
        for (int64_t c = 0; c < width; c += kLanes) {
          transform_block(from + c, plane, out[0] + i * kOut * width + c, out[1] + i * kOut * width + c,
                          width);
        }
      }
      finish(b, count, panels, out[0], out[1]);
      b += count;
    }
  }

  static void transform_block(const float *from, int64_t plane, float *upper, float *lower, int64_t width) {
    vf rows[kOut][kIn];
    AOTI_UNROLL
    for (int x = 0; x < kIn; ++x) {
      const vf m0 = vf_load(from + x * plane), m1 = vf_load(from + (kIn + x) * plane);
      const vf m2 = vf_load(from + (2 * kIn + x) * plane), m3 = vf_load(from + (3 * kIn + x) * plane);
      rows[0][x] = m0 + m1 + m2;
      rows[1][x] = m1 - m2 - m3;
    }
    vf_store(upper, rows[0][0] + rows[0][1] + rows[0][2]);
    vf_store(upper + width, rows[0][1] - rows[0][2] - rows[0][3]);
    vf_store(lower, rows[1][0] + rows[1][1] + rows[1][2]);
    vf_store(lower + width, rows[1][1] - rows[1][2] - rows[1][3]);
  }

  void finish(int64_t block, int64_t count, Range panels, const float *upper, const float *lower) const {
    const int64_t bw = block % blocks_w, bh = block / blocks_w % blocks_h, n = block / blocks_w / blocks_h;
    const int64_t width = (panels.end - panels.begin) * kTilePanel, first = panels.begin * kTilePanel;
    const int64_t pixels = s.OW - bw * kOut < count * kOut ? s.OW - bw * kOut : count * kOut;
    const int64_t channels = s.OC - first < width ? s.OC - first : width;
    for (int64_t y = 0; y < kOut && bh * kOut + y < s.OH; ++y) {
      const int64_t m = (n * s.OH + bh * kOut + y) * s.OW + bw * kOut;
      epilogue.call(epilogue.epilogue, Tile{y == 0 ? upper : lower, width, 0, m, first, pixels, channels});
    }
  }
};

bool takes(const Conv2dShape &s) {
  return s.KH == 3 && s.KW == 3 && s.stride_h == 1 && s.stride_w == 1 && s.dil_h == 1 && s.dil_w == 1 &&
         s.groups == 1 && s.C % kTilePanel == 0 && s.C > 0 && s.C <= kWinogradMaxChannels;
}

}  // namespace

void winograd_run(AotiKernelContext *context, const Conv2dShape &s, const float *input, const float *w_packed,
                  EpilogueRef epilogue) {
  if (!takes(s)) {
    aoti_kernel_fail(
        context,
        "conv2d_winograd_f32_nhwc: expected a 3x3 kernel, stride 1, no dilation, no groups and a "
        "multiple of 16 up to 2048 input channels; use conv2d_f32_nhwc",
        s.C);
    return;
  }
  if (context->scratch_bytes_per_thread < kWinogradScratchBytes) {
    aoti_kernel_fail(
        context, "conv2d_winograd_f32_nhwc: the model's table states too little scratch, in bytes per thread",
        context->scratch_bytes_per_thread);
    return;
  }
  if (s.N <= 0 || s.OH <= 0 || s.OW <= 0 || s.OC <= 0) return;
  const int64_t blocks_h = ceil_div(s.OH, kOut), blocks_w = ceil_div(s.OW, kOut),
                blocks = s.N * blocks_h * blocks_w;
  const int64_t fit = (kInputFloats - kPoints * kPlanePad) / (kPoints * s.C);
  const int64_t most = fit < kMaxBlocks ? fit : kMaxBlocks;
  const ColumnGroups columns = choose_columns(ceil_div(s.OC, kTilePanel), blocks < most ? blocks : most);
  const int64_t threads = context->threads == nullptr ? 1 : context->threads->num_threads;
  const Split split = choose_split(SplitProblem{1, blocks, kPoints * s.C, columns, false}, threads);
  Winograd work{context, s, input, w_packed, epilogue, blocks_h, blocks_w, most, columns, split};
  aoti_parallel_for(context->threads, split.rows * split.columns, 1, &Winograd::run_parts, &work);
}

AOTI_END_NAMESPACE
