#include "kernels/cpp/conv2d.h"
#include "kernels/cpp/engine/plan.h"

// A depthwise convolution reads each input a few times and multiplies it a few times: it waits for loads. A
// strip of up to six output pixels of one row times a few vectors of channels stays in registers over all
// taps; a weight is loaded once for the strip, an input is the memory operand of its multiply-add. Taps are
// pointers, so that any kernel size, stride and dilation is the same loop; taps in the padding read zeros,
// and those of which all pixels lie in the padding are left out.

AOTI_BEGIN_NAMESPACE
namespace {

constexpr int kStripPixels = 6;
constexpr int kMaxTaps = 64;  // at once; 7x7 fits
// Vectors of channels that a strip holds: 24 accumulators, or 12 where there are 16 registers.
constexpr int kBlockVectors = kVectorRegisters == 32 ? 4 : 2;
constexpr int64_t kBlockChannels = kBlockVectors * kLanes;
// Channels for which pointers are found at once, and the zeros that taps in the padding read.
constexpr int64_t kChannelsAtOnce = 2048;
alignas(64) const float kZeros[kChannelsAtOnce] = {};
// Multiply-adds that are worth a thread; these wait for memory more than those of a matrix product.
constexpr int64_t kMinMacsPerTask = 1 << 15;

// Vectors of `kWidth` floats, from float32 or bfloat16 in memory. One definition for each width: gcc takes no
// vector type that depends on a template's number for a vector.
template <int kWidth>
struct Lanes;
#define AOTI_LANES(width)                                                                   \
  template <>                                                                               \
  struct Lanes<width> {                                                                     \
    typedef float type __attribute__((vector_size(width * 4)));                             \
    typedef float unaligned __attribute__((vector_size(width * 4), aligned(4), may_alias)); \
    typedef uint16_t bits __attribute__((vector_size(width * 2), aligned(2), may_alias));   \
    typedef uint32_t words __attribute__((vector_size(width * 4)));                         \
    static inline type load(const float *p) { return *(const unaligned *)p; }               \
    static inline type load(const uint16_t *p) {                                            \
      return (type)(__builtin_convertvector(*(const bits *)p, words) << 16);                \
    }                                                                                       \
    static inline void store(float *p, type v) { *(unaligned *)p = v; }                     \
  }
#if defined(__AVX512F__)
AOTI_LANES(16);
#endif
AOTI_LANES(8);
AOTI_LANES(4);
AOTI_LANES(1);
#undef AOTI_LANES

// Taps of one strip: where the channels of each pixel are, and the weights.
template <class Element>
struct Taps {
  const Element *input[kMaxTaps][kStripPixels];
  const Element *weights[kMaxTaps];
  int64_t count = 0;
};

// out[pixel][0 .. kVectors * kWidth) (+)= sum over taps, from channel c on, of the pixels `shift` elements
// behind those of the taps; rows of out are kBlockChannels apart.
template <class Element, int kWidth, int kVectors, int kPixels>
void strip(const Taps<Element> &taps, int64_t shift, int64_t c, bool accumulate, float *out) {
  typedef Lanes<kWidth> L;
  typename L::type acc[kPixels][kVectors] = {};
  AOTI_NO_UNROLL
  for (int64_t t = 0; t < taps.count; ++t) {
    typename L::type w[kVectors];
    AOTI_UNROLL
    for (int v = 0; v < kVectors; ++v) w[v] = L::load(taps.weights[t] + c + v * kWidth);
    AOTI_UNROLL
    for (int p = 0; p < kPixels; ++p) {
      const Element *x = taps.input[t][p] + (shift + c);
      AOTI_UNROLL
      for (int v = 0; v < kVectors; ++v) acc[p][v] += L::load(x + v * kWidth) * w[v];
    }
  }
  AOTI_UNROLL
  for (int p = 0; p < kPixels; ++p) {
    AOTI_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      float *to = out + p * kBlockChannels + v * kWidth;
      L::store(to, accumulate ? L::load(to) + acc[p][v] : acc[p][v]);
    }
  }
}

template <class Element>
using StripFn = void (*)(const Taps<Element> &, int64_t, int64_t, bool, float *);

template <class Element, int kWidth, int kVectors>
constexpr StripFn<Element> kStrips[kStripPixels] = {
    &strip<Element, kWidth, kVectors, 1>, &strip<Element, kWidth, kVectors, 2>,
    &strip<Element, kWidth, kVectors, 3>, &strip<Element, kWidth, kVectors, 4>,
    &strip<Element, kWidth, kVectors, 5>, &strip<Element, kWidth, kVectors, 6>};

// `channels` <= kBlockChannels channels from c on: whole blocks, then ever narrower vectors.
template <class Element>
void run_block(const Taps<Element> &taps, int64_t shift, int64_t pixels, int64_t c, int64_t channels,
               bool accumulate, float *out) {
  const int64_t p = pixels - 1;
  if (channels == kBlockChannels) {
    kStrips<Element, kLanes, kBlockVectors>[p](taps, shift, c, accumulate, out);
    return;
  }
  int64_t done = 0;
  for (; done + 2 * kLanes <= channels; done += 2 * kLanes)
    kStrips<Element, kLanes, 2>[p](taps, shift, c + done, accumulate, out + done);
  for (; done + kLanes <= channels; done += kLanes)
    kStrips<Element, kLanes, 1>[p](taps, shift, c + done, accumulate, out + done);
  for (; done + 4 <= channels; done += 4)
    kStrips<Element, 4, 1>[p](taps, shift, c + done, accumulate, out + done);
  for (; done < channels; ++done) kStrips<Element, 1, 1>[p](taps, shift, c + done, accumulate, out + done);
}

template <class Element>
struct Depthwise {
  const Conv2dShape &s;
  const Element *input;
  const Element *weights;
  EpilogueRef epilogue;
  int64_t strips;  // in a row of the output

  // Fills taps from number `first` on, for channels from c on; returns the first that found no room.
  int64_t find_taps(int64_t n, int64_t oh, Range pixels, int64_t c, int64_t first,
                    Taps<Element> *taps) const {
    const Element *zeros = reinterpret_cast<const Element *>(kZeros);
    taps->count = 0;
    int64_t tap = first, kh = first / s.KW, kw = first % s.KW;
    const int64_t left = pixels.begin * s.stride_w - s.pad_w, step = s.stride_w * s.C;
    const int64_t last = (pixels.end - pixels.begin - 1) * s.stride_w;
    for (; tap < s.KH * s.KW && taps->count < kMaxTaps; ++tap) {
      const int64_t h = oh * s.stride_h - s.pad_h + kh * s.dil_h, w = left + kw * s.dil_w;
      if (++kw == s.KW) kw = 0, ++kh;
      if (h < 0 || h >= s.H) continue;
      const Element *first_pixel = input + ((n * s.H + h) * s.W + w) * s.C + c;
      const Element **to = taps->input[taps->count];
      bool any = w >= 0 && w + last < s.W;
      if (any) {  // pixels beyond the strip are never read: filling them keeps the loop's length constant
        for (int64_t p = 0; p < kStripPixels; ++p) to[p] = first_pixel + p * step;
      } else {
        for (int64_t p = 0; p < pixels.end - pixels.begin; ++p) {
          const int64_t at = w + p * s.stride_w;
          const bool inside = at >= 0 && at < s.W;
          any = any || inside;
          to[p] = inside ? first_pixel + p * step : zeros;
        }
      }
      taps->weights[taps->count] = weights + tap * s.C + c;
      taps->count += any;
    }
    return tap;
  }

  // The taps of a strip that lies off the left and right border, and its first pixel: those of the other such
  // strips of its row are the same, shifted. Row -1: none.
  struct Found {
    Taps<Element> taps;
    int64_t row = -1, pixel = 0, next = 0;
  };

  bool off_border(Range pixels) const {
    const int64_t first = pixels.begin * s.stride_w - s.pad_w,
                  last = (pixels.end - 1) * s.stride_w - s.pad_w + (s.KW - 1) * s.dil_w;
    return first >= 0 && last < s.W && s.C <= kChannelsAtOnce;
  }

  void run_strip(int64_t row, Range pixels, Found *found) const {
    alignas(64) float acc[kStripPixels * kBlockChannels];
    const int64_t count = pixels.end - pixels.begin, all = s.KH * s.KW, n = row / s.OH, oh = row % s.OH;
    const bool shared = off_border(pixels);
    for (int64_t c0 = 0; c0 < s.C; c0 += kChannelsAtOnce) {
      const int64_t end = s.C - c0 < kChannelsAtOnce ? s.C - c0 : kChannelsAtOnce;
      if (!shared || found->row != row) {
        found->next = find_taps(n, oh, pixels, c0, 0, &found->taps);
        found->row = shared ? row : -1;
        found->pixel = pixels.begin;
      }
      const int64_t shift = (pixels.begin - found->pixel) * s.stride_w * s.C;
      for (int64_t c = 0; c < end; c += kBlockChannels) {
        const int64_t channels = end - c < kBlockChannels ? end - c : kBlockChannels;
        run_block(found->taps, shift, count, c, channels, false, acc);
        for (int64_t more = found->next; more < all;) {  // kernels of more taps than fit
          Taps<Element> rest;
          more = find_taps(n, oh, pixels, c0, more, &rest);
          run_block(rest, 0, count, c, channels, true, acc);
        }
        const int64_t m = row * s.OW + pixels.begin;
        epilogue.call(epilogue.epilogue, Tile{acc, kBlockChannels, 0, m, c0 + c, count, channels});
      }
    }
  }

  static void run_strips(void *arg, int64_t begin, int64_t end, int32_t) {
    const Depthwise &self = *static_cast<const Depthwise *>(arg);
    Found found;
    for (int64_t i = begin; i < end; ++i) {
      self.run_strip(i / self.strips, balanced_part(self.s.OW, self.strips, i % self.strips), &found);
    }
  }
};

template <class Element>
void run(AotiKernelContext *context, const Conv2dShape &s, const Element *input, const Element *w_packed,
         EpilogueRef epilogue) {
  if (s.N <= 0 || s.OH <= 0 || s.OW <= 0) return;
  const int64_t strips = ceil_div(s.OW, kStripPixels);
  Depthwise<Element> work{s, input, w_packed, epilogue, strips};
  const int64_t macs = ceil_div(s.OW, strips) * s.C * s.KH * s.KW;
  aoti_parallel_for(context->threads, s.N * s.OH * strips, ceil_div(kMinMacsPerTask, macs),
                    &Depthwise<Element>::run_strips, &work);
}

}  // namespace

void depthwise_run(AotiKernelContext *context, const Conv2dShape &s, const float *input,
                   const float *w_packed, EpilogueRef epilogue) {
  run(context, s, input, w_packed, epilogue);
}

void depthwise_bf16_run(AotiKernelContext *context, const Conv2dShape &s, const uint16_t *input,
                        const uint16_t *w_packed, EpilogueRef epilogue) {
  run(context, s, input, w_packed, epilogue);
}

AOTI_END_NAMESPACE
