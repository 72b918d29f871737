// The loops around the register tile, shared by matrix products and convolutions.
//
// What enters: a source of rows (where the m-th row of A is, as segments), B, and an epilogue. What leaves:
// every finished tile through the epilogue, from as many threads as the context has.
//
// Order of the loops, outermost first: part of a thread > chunk of rows (A stays in L2) > group of panels
// (several at once when K is short) > block of k's (B stays in L2) > strip of rows (one register tile for
// each group). While a block is used the next one is prefetched.
//
// A `Rows` type has
//     int64_t fill(int64_t batch, int64_t m, int64_t rows, int64_t k0, int64_t k1, Segment *out) const;
//         // segments that cover k0..k1 of rows m..m+rows; those whose A is all zero may be left out. At most
//         // kMaxSegments, of at most kMaxBlockK k's each.
//     int64_t a_stride() const;      // elements from one k to the next
//     int64_t row_bytes() const;     // about how much of A one row touches
//     int64_t max_block_k() const;   // limit on k1 - k0 that keeps fill within kMaxSegments
#ifndef KERNELS_CPP_ENGINE_MATMUL_H_
#define KERNELS_CPP_ENGINE_MATMUL_H_

#include <stdint.h>

#include "aoti/kernel_context.h"
#include "kernels/cpp/engine/pack.h"
#include "kernels/cpp/engine/plan.h"
#include "kernels/cpp/engine/tile.h"
#include "kernels/cpp/epilogue.h"

AOTI_BEGIN_NAMESPACE

constexpr int64_t kMaxSegments = 64;
constexpr int64_t kMaxBlockK = 2048;
constexpr int64_t kTileFloats = kMaxTileRows * kMaxTilePanels * kTilePanel;

// Bytes of B that one group of panels may keep in L2 while its strips run.
constexpr int64_t kBlockBytes = 320 * 1024;
// Up to here a tile is so short that finding its rows of A counts: groups whose B fits L2 at once share a
// strip.
constexpr int64_t kShortK = 128;
constexpr int64_t kMaxGroupsTogether = 8;
// Bytes of A that a chunk of rows may keep in L2 beside it.
constexpr int64_t kChunkBytes = 512 * 1024;
// Up to here the product waits for memory alone, and the processor's own prefetcher reads B faster without
// Up to so many rows, and from so many panels on, the product waits for memory alone, and the processor's own
// prefetcher reads the panels faster without help.
constexpr int64_t kMaxStreamedRows = 4, kMinStreamedPanels = 3;
// Words that are added up in one register for up to kMaxStreamedRows rows. Memory hides what shorter chains
// cost, and a lone row is often a model's last layer, whose error is the model's.
constexpr int64_t kStreamedChain = 32;
// Rows whose sums wait in scratch when K takes several blocks; 64 columns of floats each.
constexpr int64_t kPartialRows = 192;
constexpr int64_t kPartialBytes = kPartialRows * kMaxTilePanels * kTilePanel * 4;

enum class BLayout {
  kPanels,       // packed ahead of time: [ceil(n / 16)][k][16]
  kRows,         // n_stride is 1: tiles read the rows where they are
  kPackOnTheFly  // any strides: copied into scratch, block by block
};

struct MatrixB {
  BLayout layout;
  const float *data;
  int64_t batch_stride;  // unused for kPanels, as the strides below
  int64_t k_stride;
  int64_t n_stride;
};

// Sizes and strides of k count words (tile.h).
struct Product {
  AotiKernelContext *context;
  const TileTable &tiles;
  int64_t batch, m, n, k;
  MatrixB b;
  EpilogueRef epilogue;
};

// What to prefetch while a block runs: for each panel a run of `run_bytes`, `stride_bytes` apart. Null data:
// nothing.
struct NextBlock {
  const char *data;
  int64_t run_bytes;
  int64_t stride_bytes;
};

// Each of `strips` tiles prefetches its share of every run of the next block, a little for each of `k` k's.
static inline void set_prefetch(const NextBlock &next, int64_t strip, int64_t strips, int64_t k,
                                TileArgs *args) {
  args->prefetch = reinterpret_cast<const char *>(args->b);
  args->prefetch_step = 0;
  args->prefetch_stride = 0;
  if (next.data == nullptr) return;
  args->prefetch = next.data + next.run_bytes / strips * strip;
  args->prefetch_step = ceil_div(next.run_bytes, strips * k);
  args->prefetch_stride = next.stride_bytes;
}

template <class Rows>
class PartRunner {
 public:
  PartRunner(const Product &product, const Rows &rows, ColumnGroups columns, char *scratch)
      : p_(product),
        rows_(rows),
        columns_(columns),
        width_(ceil_div(columns.panels, columns.count)),
        partial_(reinterpret_cast<float *>(scratch)),
        packed_(reinterpret_cast<float *>(scratch + kPartialBytes)) {
    const int64_t panel_bytes = kTilePanel * 4;
    int64_t limit = kBlockBytes / (width_ * panel_bytes);
    if (limit > kMaxBlockK) limit = kMaxBlockK;
    if (limit > rows.max_block_k()) limit = rows.max_block_k();
    blocks_ = p_.k > 0 ? ceil_div(p_.k, limit) : 1;
    if (p_.b.layout != BLayout::kPanels || p_.k == 0 || p_.k > kShortK) return;
    const int64_t fit = kBlockBytes / (p_.k * width_ * panel_bytes);
    together_ = fit < 1 ? 1 : (fit < kMaxGroupsTogether ? fit : kMaxGroupsTogether);
  }

  void run(int64_t batch, Range m, Range groups) {
    end_ = groups.end;
    const int64_t chunks = ceil_div(m.end - m.begin, chunk_rows(m, groups));
    for (int64_t c = 0; c < chunks; ++c) {
      const Range part = balanced_part(m.end - m.begin, chunks, c);
      const Range chunk{m.begin + part.begin, m.begin + part.end};
      for (int64_t g = groups.begin; g < groups.end; g += together_) {
        const Range now{g, g + together_ < groups.end ? g + together_ : groups.end};
        for (int64_t block = 0; block < blocks_; ++block) run_block(batch, chunk, now, block);
      }
    }
  }

 private:
  // B as one group of panels and block of k's sees it, and what to prefetch meanwhile.
  struct GroupB {
    const float *data;
    int64_t k_stride, panel_stride;
    Range panels;
    NextBlock next;
  };

  int64_t chunk_rows(Range m, Range groups) const {
    int64_t rows = m.end - m.begin;
    if (groups.end - groups.begin > together_ && p_.b.layout != BLayout::kPackOnTheFly) {
      const int64_t fit = kChunkBytes / (rows_.row_bytes() + 1);
      if (rows > fit) rows = fit < 64 ? 64 : fit;
    }
    return blocks_ > 1 && rows > kPartialRows ? kPartialRows : rows;
  }

  const float *packed_block(Range panels, Range k) const {
    return p_.b.data + (panels.begin * p_.k + k.begin) * kTilePanel;
  }

  GroupB group_b(int64_t batch, int64_t rows, int64_t group, int64_t block) {
    const Range panels = balanced_part(columns_.panels, columns_.count, group);
    const Range k = balanced_part(p_.k, blocks_, block);
    const MatrixB &b = p_.b;
    if (b.layout == BLayout::kPanels) {
      const bool streamed = rows <= kMaxStreamedRows && width_ >= kMinStreamedPanels;
      const NextBlock next = !streamed && p_.k > 0 ? next_block(group, block) : NextBlock{nullptr, 0, 0};
      return GroupB{packed_block(panels, k), kTilePanel, p_.k * kTilePanel, panels, next};
    }
    const NextBlock none{nullptr, 0, 0};
    const float *first =
        b.data + batch * b.batch_stride + k.begin * b.k_stride + panels.begin * kTilePanel * b.n_stride;
    const int64_t left = p_.n - panels.begin * kTilePanel, width = (panels.end - panels.begin) * kTilePanel;
    if (b.layout == BLayout::kRows && left >= width)
      return GroupB{first, b.k_stride, kTilePanel, panels, none};
    pack_panels(first, b.k_stride, b.n_stride, k.end - k.begin, left < width ? left : width, packed_);
    return GroupB{packed_, kTilePanel, (k.end - k.begin) * kTilePanel, panels, none};
  }

  NextBlock next_block(int64_t group, int64_t block) const {
    if (++block == blocks_) {
      block = 0;
      group += together_;
    }
    if (group >= end_) return NextBlock{nullptr, 0, 0};
    const Range k = balanced_part(p_.k, blocks_, block);
    const float *data = packed_block(balanced_part(columns_.panels, columns_.count, group), k);
    return NextBlock{reinterpret_cast<const char *>(data), (k.end - k.begin) * kTilePanel * 4,
                     p_.k * kTilePanel * 4};
  }

  // All strips of a chunk of rows times a few groups of panels.
  void run_block(int64_t batch, Range m, Range groups, int64_t block) {
    GroupB b[kMaxGroupsTogether];
    const int64_t count = groups.end - groups.begin, rows = m.end - m.begin;
    for (int64_t g = 0; g < count; ++g) b[g] = group_b(batch, rows, groups.begin + g, block);
    const Range k = balanced_part(p_.k, blocks_, block);
    const int64_t strips = ceil_div(rows, max_tile_rows(width_));
    Segment segments[kMaxSegments];
    for (int64_t s = 0; s < strips; ++s) {
      const Range strip = balanced_part(rows, strips, s);
      const Range at{m.begin + strip.begin, m.begin + strip.end};
      const int64_t filled =
          k.end > k.begin ? rows_.fill(batch, at.begin, at.end - at.begin, k.begin, k.end, segments) : 0;
      float *partial = blocks_ > 1 ? partial_ + strip.begin * width_ * kTilePanel : nullptr;
      for (int64_t g = 0; g < count; ++g) {
        TileArgs args{segments,
                      filled,
                      rows_.a_stride(),
                      b[g].data,
                      b[g].k_stride,
                      b[g].panel_stride,
                      partial,
                      0,
                      block > 0,
                      nullptr,
                      0,
                      0};
        if (p_.m <= kMaxStreamedRows) args.max_chain = kStreamedChain;
        set_prefetch(b[g].next, s, strips, k.end - k.begin, &args);
        run_tile(batch, at, b[g].panels, block == blocks_ - 1, args);
      }
    }
  }

  void run_tile(int64_t batch, Range m, Range panels, bool last, TileArgs args) const {
    alignas(64) float tile[kTileFloats];
    const int64_t rows = m.end - m.begin, width = (panels.end - panels.begin) * kTilePanel;
    if (args.acc == nullptr) args.acc = tile;
    args.acc_stride = width;
    p_.tiles.at(rows, panels.end - panels.begin)(args);
    if (!last) return;
    const int64_t n = panels.begin * kTilePanel, columns = p_.n - n < width ? p_.n - n : width;
    p_.epilogue.call(p_.epilogue.epilogue, Tile{args.acc, width, batch, m.begin, n, rows, columns});
  }

  const Product &p_;
  const Rows &rows_;
  const ColumnGroups columns_;
  const int64_t width_;  // panels of the widest group
  float *partial_;
  float *packed_;
  int64_t end_ = 0;       // behind the last group of this part
  int64_t blocks_;        // of k's
  int64_t together_ = 1;  // groups that share a strip
};

template <class Rows>
struct SplitProduct {
  const Product &product;
  const Rows &rows;
  ColumnGroups columns;
  Split split;

  static void run_parts(void *arg, int64_t begin, int64_t end, int32_t thread) {
    const SplitProduct &self = *static_cast<const SplitProduct *>(arg);
    const Product &p = self.product;
    char *scratch = static_cast<char *>(aoti_scratch(p.context, thread));
    PartRunner<Rows> runner(p, self.rows, self.columns, scratch);
    for (int64_t part = begin; part < end; ++part) {
      const int64_t column = part % self.split.columns, rest = part / self.split.columns;
      const Range batch = balanced_part(p.batch, self.split.batch, rest / self.split.rows);
      const Range m = balanced_part(p.m, self.split.rows, rest % self.split.rows);
      const Range groups = balanced_part(self.columns.count, self.split.columns, column);
      for (int64_t b = batch.begin; b < batch.end; ++b) runner.run(b, m, groups);
    }
  }
};

template <class Rows>
static void run_product(const Product &product, const Rows &rows) {
  if (product.batch <= 0 || product.m <= 0 || product.n <= 0) return;
  AotiThreads *threads = product.context->threads;
  const int64_t panels = ceil_div(product.n, kTilePanel);
  const ColumnGroups columns = choose_columns(panels, product.m);
  const SplitProblem problem{product.batch, product.m, product.k, columns,
                             product.b.layout == BLayout::kPackOnTheFly};
  const Split split = choose_split(problem, threads == nullptr ? 1 : threads->num_threads);
  SplitProduct<Rows> work{product, rows, columns, split};
  aoti_parallel_for(threads, split.batch * split.rows * split.columns, 1, &SplitProduct<Rows>::run_parts,
                    &work);
}

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_ENGINE_MATMUL_H_
