#include "kernels/cpp/conv2d.h"

#include "kernels/cpp/engine/matmul.h"
#include "kernels/cpp/scratch.h"

AOTI_BEGIN_NAMESPACE
namespace {

// What taps in the padding read.
alignas(64) const float kZeros[kMaxBlockK] = {};

// The upper left input pixels of a strip of output pixels; they may lie in the padding.
struct Corners {
  const float *first[kMaxTileRows];  // where the pixel is, or would be
  int64_t h[kMaxTileRows], w[kMaxTileRows];
  bool inside_h, inside_w;  // no tap of theirs crosses the upper or lower, left or right border
};

struct ImageRows {
  const Conv2dShape &s;
  const float *input;  // first channel of the group
  int64_t channels;    // of the group
  bool whole_rows;     // KW * channels floats of a kernel row are contiguous

  ImageRows(const Conv2dShape &shape, const float *first)
      : s(shape),
        input(first),
        channels(shape.C / shape.groups),
        whole_rows(shape.groups == 1 && (shape.dil_w == 1 || shape.KW == 1)) {}

  int64_t a_stride() const { return 1; }
  int64_t row_bytes() const { return s.C * s.stride_h * s.stride_w * 4; }
  // Segments are taps, or kernel rows; a block may cut one at each end.
  int64_t max_block_k() const {
    const int64_t most = (kMaxSegments - 2) * channels;
    return most < kMaxBlockK ? most : kMaxBlockK;
  }

  void find_corners(int64_t m, int64_t rows, Corners *corners) const {
    const int64_t ow = m % s.OW, row = m / s.OW, oh = row % s.OH, n = row / s.OH;
    if (ow + rows <= s.OW) {
      corners_of_one_row(n, oh, ow, rows, corners);
    } else {
      corners_of_many_rows(n, oh, ow, rows, corners);
    }
  }

  // Rows beyond the strip's are never read: filling them too keeps the loop's length constant.
  void corners_of_one_row(int64_t n, int64_t oh, int64_t ow, int64_t rows, Corners *corners) const {
    const int64_t h = oh * s.stride_h - s.pad_h, w = ow * s.stride_w - s.pad_w;
    const float *first = input + ((n * s.H + h) * s.W + w) * s.C;
    for (int64_t i = 0; i < kMaxTileRows; ++i) {
      corners->first[i] = first + i * s.stride_w * s.C;
      corners->h[i] = h;
      corners->w[i] = w + i * s.stride_w;
    }
    corners->inside_h = inside(h, s.H, s.KH, s.dil_h);
    corners->inside_w =
        inside(w, s.W, s.KW, s.dil_w) && inside(w + (rows - 1) * s.stride_w, s.W, s.KW, s.dil_w);
  }

  void corners_of_many_rows(int64_t n, int64_t oh, int64_t ow, int64_t rows, Corners *corners) const {
    corners->inside_h = corners->inside_w = true;
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t h = oh * s.stride_h - s.pad_h, w = ow * s.stride_w - s.pad_w;
      corners->first[i] = input + ((n * s.H + h) * s.W + w) * s.C;
      corners->h[i] = h;
      corners->w[i] = w;
      corners->inside_h = corners->inside_h && inside(h, s.H, s.KH, s.dil_h);
      corners->inside_w = corners->inside_w && inside(w, s.W, s.KW, s.dil_w);
      if (++ow < s.OW) continue;
      ow = 0;
      if (++oh < s.OH) continue;
      oh = 0;
      ++n;
    }
    for (int64_t i = rows; i < kMaxTileRows; ++i) corners->first[i] = corners->first[0];
  }

  // Whether all taps from `first` on are in the image, along one dimension.
  static bool inside(int64_t first, int64_t size, int64_t taps, int64_t dilation) {
    const int64_t last = first + (taps - 1) * dilation;
    return first >= 0 && first < size && last >= 0 && last < size;
  }

  // The tap (kh, kw) of each row, from its `offset`-th float on; false if all of it lies in the padding.
  bool fill_tap(const Corners &corners, int64_t rows, int64_t kh, int64_t kw, int64_t offset,
                Segment *out) const {
    const int64_t dh = kh * s.dil_h, dw = kw * s.dil_w, step = (dh * s.W + dw) * s.C + offset;
    if (corners.inside_h && corners.inside_w) {
      for (int64_t i = 0; i < kMaxTileRows; ++i) out->rows[i] = corners.first[i] + step;
      return true;
    }
    bool any = false;
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t h = corners.h[i] + dh, w = corners.w[i] + dw;
      const bool in_image = h >= 0 && h < s.H && w >= 0 && w < s.W;
      any = any || in_image;
      out->rows[i] = in_image ? corners.first[i] + step : kZeros;
    }
    return any;
  }

  int64_t fill(int64_t, int64_t m, int64_t rows, int64_t k0, int64_t k1, Segment *out) const {
    Corners corners;
    find_corners(m, rows, &corners);
    const bool merge = whole_rows && corners.inside_w;
    const int64_t run = merge ? s.KW * channels : channels, taps_per_row = merge ? 1 : s.KW;
    const int64_t tap = k0 / run;
    int64_t offset = k0 % run, kh = tap / taps_per_row, kw = tap % taps_per_row, count = 0;
    for (int64_t k = k0; k < k1;) {
      const int64_t length = run - offset < k1 - k ? run - offset : k1 - k;
      if (fill_tap(corners, rows, kh, kw, offset, out + count)) {
        out[count].length = length;
        out[count].k = k - k0;
        ++count;
      }
      k += length;
      offset = 0;
      if (++kw < taps_per_row) continue;
      kw = 0;
      ++kh;
    }
    return count;
  }
};

// A group's epilogue: output channels start at the group's first.
struct GroupEpilogue {
  EpilogueRef whole;
  int64_t first_channel;

  static void call(const void *self, const Tile &tile) {
    const GroupEpilogue &group = *static_cast<const GroupEpilogue *>(self);
    Tile shifted = tile;
    shifted.n0 += group.first_channel;
    group.whole.call(group.whole.epilogue, shifted);
  }
};

// s.C counts words.
void run_words(AotiKernelContext *context, const TileTable &tiles, const Conv2dShape &s, const float *input,
               const float *w_packed, EpilogueRef epilogue) {
  const int64_t in_channels = s.C / s.groups, out_channels = s.OC / s.groups, k = s.KH * s.KW * in_channels;
  for (int64_t g = 0; g < s.groups; ++g) {
    const ImageRows rows(s, input + g * in_channels);
    const GroupEpilogue group{epilogue, g * out_channels};
    const float *panels = w_packed + g * ceil_div(out_channels, kTilePanel) * k * kTilePanel;
    run_product(
        Product{context, tiles, 1, s.N * s.OH * s.OW, out_channels, k,
                MatrixB{BLayout::kPanels, panels, 0, 0, 0}, EpilogueRef{&GroupEpilogue::call, &group}},
        rows);
  }
}

}  // namespace

void conv2d_run(AotiKernelContext *context, const Conv2dShape &s, const float *input, const float *w_packed,
                EpilogueRef epilogue) {
  if (context->scratch_bytes_per_thread < kConv2dScratchBytes) {
    aoti_kernel_fail(context,
                     "conv2d_f32_nhwc: the model's table states too little scratch, in bytes per thread",
                     context->scratch_bytes_per_thread);
    return;
  }
  run_words(context, float32_tiles(), s, input, w_packed, epilogue);
}

void conv2d_bf16_run(AotiKernelContext *context, const Conv2dShape &s, const uint16_t *input,
                     const uint16_t *w_packed, EpilogueRef epilogue) {
  if (context->scratch_bytes_per_thread < kConv2dScratchBytes) {
    aoti_kernel_fail(context,
                     "conv2d_bf16_nhwc: the model's table states too little scratch, in bytes per thread",
                     context->scratch_bytes_per_thread);
    return;
  }
  if (s.C / s.groups % 2 != 0) {
    aoti_kernel_fail(context, "conv2d_bf16_nhwc: expected an even number of input channels in each group",
                     s.C);
    return;
  }
  Conv2dShape words = s;
  words.C = s.C / 2;
  run_words(context, bfloat16_tiles(*context), words, as_words(input), as_words(w_packed), epilogue);
}

AOTI_END_NAMESPACE
