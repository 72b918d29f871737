#include "kernels/cpp/conv2d.h"

#include "kernels/cpp/engine/matmul.h"
#include "kernels/cpp/scratch.h"

AOTI_BEGIN_NAMESPACE
namespace {

// What taps in the padding read.
alignas(64) const float kZeros[kMaxBlockK] = {};

// The upper left input pixel of an output pixel; may lie in the padding.
struct Corner {
  const float *image;
  int64_t h, w;
};

struct ImageRows {
  const Conv2dShape &s;
  const float *input;  // first channel of the group
  int64_t channels;    // of the group
  bool whole_rows;     // KW * channels floats of a kernel row are contiguous

  ImageRows(const Conv2dShape &shape, const float *first)
      : s(shape), input(first), channels(shape.C / shape.groups),
        whole_rows(shape.groups == 1 && (shape.dil_w == 1 || shape.KW == 1)) {}

  int64_t a_stride() const { return 1; }
  int64_t row_bytes() const { return s.C * s.stride_h * s.stride_w * 4; }
  // Segments are taps, or kernel rows; a block may cut one at each end.
  int64_t max_block_k() const {
    const int64_t most = (kMaxSegments - 2) * channels;
    return most < kMaxBlockK ? most : kMaxBlockK;
  }

  // Fills corners[rows]; true if no kernel row of theirs crosses the left or right border.
  bool find_corners(int64_t m, int64_t rows, Corner *corners) const {
    int64_t ow = m % s.OW, oh = m / s.OW % s.OH, n = m / (s.OW * s.OH);
    bool inside = true;
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t w = ow * s.stride_w - s.pad_w;
      corners[i] = Corner{input + n * s.H * s.W * s.C, oh * s.stride_h - s.pad_h, w};
      inside = inside && w >= 0 && w + (s.KW - 1) * s.dil_w < s.W;
      if (++ow == s.OW) {
        ow = 0;
        if (++oh == s.OH) {
          oh = 0;
          ++n;
        }
      }
    }
    return inside;
  }

  // One segment for the tap (kh, kw), from its `offset`-th float on; false if all of it lies in the padding.
  bool fill_tap(const Corner *corners, int64_t rows, int64_t kh, int64_t kw, int64_t offset, Segment *out) const {
    bool any = false;
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t h = corners[i].h + kh * s.dil_h, w = corners[i].w + kw * s.dil_w;
      const bool in_image = h >= 0 && h < s.H && w >= 0 && w < s.W;
      any = any || in_image;
      out->rows[i] = in_image ? corners[i].image + (h * s.W + w) * s.C + offset : kZeros;
    }
    return any;
  }

  int64_t fill(int64_t, int64_t m, int64_t rows, int64_t k0, int64_t k1, Segment *out) const {
    Corner corners[kMaxTileRows];
    const bool merge = find_corners(m, rows, corners) && whole_rows;
    const int64_t run = merge ? s.KW * channels : channels;
    int64_t count = 0;
    for (int64_t k = k0; k < k1;) {
      const int64_t tap = k / run, offset = k % run;
      const int64_t length = run - offset < k1 - k ? run - offset : k1 - k;
      const int64_t kh = merge ? tap : tap / s.KW, kw = merge ? 0 : tap % s.KW;
      if (fill_tap(corners, rows, kh, kw, offset, out + count)) {
        out[count].length = length;
        out[count].k = k - k0;
        ++count;
      }
      k += length;
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

}  // namespace

void conv2d_run(AotiKernelContext *context, const Conv2dShape &s, const float *input, const float *w_packed,
                EpilogueRef epilogue) {
  if (context->scratch_bytes_per_thread < kConv2dScratchBytes) {
    aoti_kernel_fail(context, "conv2d_f32_nhwc: the model's table states too little scratch, in bytes per thread",
                     context->scratch_bytes_per_thread);
    return;
  }
  const int64_t in_channels = s.C / s.groups, out_channels = s.OC / s.groups, k = s.KH * s.KW * in_channels;
  for (int64_t g = 0; g < s.groups; ++g) {
    const ImageRows rows(s, input + g * in_channels);
    const GroupEpilogue group{epilogue, g * out_channels};
    const float *panels = w_packed + g * ceil_div(out_channels, kTilePanel) * k * kTilePanel;
    run_product(Product{context, 1, s.N * s.OH * s.OW, out_channels, k, MatrixB{BLayout::kPanels, panels, 0, 0, 0},
                        EpilogueRef{&GroupEpilogue::call, &group}},
                rows);
  }
}

AOTI_END_NAMESPACE
