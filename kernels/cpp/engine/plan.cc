#include "kernels/cpp/engine/plan.h"

#include "kernels/cpp/engine/tile.h"

AOTI_BEGIN_NAMESPACE
namespace {

constexpr int64_t kPanelVectors = kTilePanel / kLanes;

// Waking a thread costs a few microseconds: about this many multiply-adds.
constexpr int64_t kMinMacsPerThread = 1 << 17;

// A model of today's cores: vector operations (multiply-adds, and as many loads) in a cycle, cycles from one
// multiply-add to the next that needs it, bytes of B that come from L2 in a cycle.
constexpr double kOperationsPerCycle = kLanes == 16 ? 1 : 2;
constexpr double kLatencyCycles = 4;
constexpr double kStreamBytesPerCycle = 16;

double larger(double a, double b) { return a > b ? a : b; }

// Cycles of one k of a rows x panels tile.
double tile_cycles(int64_t rows, int64_t panels) {
  const double multiply_adds = double(rows * panels * kPanelVectors),
               loads = double(rows + panels * kPanelVectors);
  const double stream = double(panels * kTilePanel * 4) / kStreamBytesPerCycle;
  return larger(larger(multiply_adds, loads) / kOperationsPerCycle, larger(stream, kLatencyCycles));
}

// The same for all strips of `rows` rows.
double strip_cycles(int64_t rows, int64_t panels) {
  if (rows <= 0) return 0;
  const int64_t strips = ceil_div(rows, max_tile_rows(panels));
  const int64_t low = rows / strips, extra = rows % strips;
  const double taller = extra > 0 ? double(extra) * tile_cycles(low + 1, panels) : 0;
  return taller + double(strips - extra) * tile_cycles(low, panels);
}

double group_cycles(ColumnGroups columns, int64_t rows) {
  const int64_t low = columns.panels / columns.count, extra = columns.panels % columns.count;
  // low + 1 panels need not fit a tile
  const double wider = extra > 0 ? double(extra) * strip_cycles(rows, low + 1) : 0;
  return wider + double(columns.count - extra) * strip_cycles(rows, low);
}

// Estimated cycles of the slowest part: arithmetic, then the bytes of B (16 per cycle from L3) and of A,
// which decide between cuts that compute alike.
double split_cycles(const SplitProblem &p, Split s) {
  const int64_t batch = ceil_div(p.batch, s.batch), rows = ceil_div(p.m, s.rows);
  const int64_t groups = ceil_div(p.columns.count, s.columns),
                width = ceil_div(p.columns.panels, p.columns.count);
  const double b_floats = double(groups * width * kTilePanel) * double(p.k);
  const double compute = double(groups) * strip_cycles(rows, width) * double(p.k);
  const double pack = p.packs_b ? 0.6 * b_floats : 0.0;
  return double(batch) * (compute + pack + 0.25 * b_floats + 0.05 * double(rows * p.k));
}

}  // namespace

ColumnGroups choose_columns(int64_t panels, int64_t rows) {
  ColumnGroups best{panels, panels};
  double best_cycles = -1;
  for (int64_t width = kMaxTilePanels; width >= 1; --width) {
    const ColumnGroups candidate{panels, ceil_div(panels, width)};
    const double cycles = group_cycles(candidate, rows);
    if (best_cycles < 0 || cycles < best_cycles) {
      best = candidate;
      best_cycles = cycles;
    }
  }
  return best;
}

Split choose_split(const SplitProblem &p, int64_t threads) {
  const double macs = double(p.batch * p.m) * double(p.columns.panels * kTilePanel) * double(p.k);
  const double worth = macs / double(kMinMacsPerThread);
  if (worth < double(threads)) threads = int64_t(worth);
  Split best{1, 1, 1};
  double best_cycles = split_cycles(p, best);
  for (int64_t b = 1; b <= threads && b <= p.batch; ++b) {
    for (int64_t r = 1; b * r <= threads && r <= p.m; ++r) {
      const int64_t most = threads / (b * r);
      const Split split{b, r, most < p.columns.count ? most : p.columns.count};
      const double cycles = split_cycles(p, split);
      if (cycles < best_cycles) {
        best = split;
        best_cycles = cycles;
      }
    }
  }
  return best;
}

AOTI_END_NAMESPACE
