// Cuts of a product: they cover everything once, are balanced, keep within the threads, and are the ones that
// a person would choose.
#include "kernels/cpp/engine/plan.h"

#include "kernels/cpp/engine/tile.h"
#include "kernels/cpp/testing/isa_check.h"
#include "tools/testing/check.h"

using namespace aoti;

namespace {

void check_balanced_parts() {
  for (int64_t total = 0; total < 40; ++total) {
    for (int64_t parts = 1; parts < 9; ++parts) {
      int64_t next = 0;
      for (int64_t i = 0; i < parts; ++i) {
        const Range r = balanced_part(total, parts, i);
        CHECK_EQ((long long)r.begin, (long long)next);
        CHECK(r.end - r.begin == total / parts || r.end - r.begin == total / parts + 1);
        next = r.end;
      }
      CHECK_EQ((long long)next, (long long)total);
    }
  }
}

// Every group that can come up has a tile for every strip that can.
void check_columns() {
  for (int64_t panels = 1; panels <= 70; ++panels) {
    for (int64_t rows = 1; rows <= 60; ++rows) {
      const ColumnGroups c = choose_columns(panels, rows);
      CHECK_EQ((long long)c.panels, (long long)panels);
      CHECK(c.count >= 1 && c.count <= panels && ceil_div(panels, c.count) <= kMaxTilePanels);
    }
  }
  for (int64_t panels = 1; panels <= kMaxTilePanels; ++panels) {
    CHECK(max_tile_rows(panels) >= 1 && max_tile_rows(panels) <= kMaxTileRows);
    for (int64_t rows = 1; rows <= max_tile_rows(panels); ++rows)
      CHECK(float32_tiles().at(rows, panels) != nullptr);
  }
  CHECK_EQ((long long)choose_columns(kMaxTilePanels, 1).count,
           1LL);  // one row: the more columns at once the better
}

Split split_of(int64_t batch, int64_t m, int64_t n, int64_t k, int64_t threads) {
  const ColumnGroups columns = choose_columns(ceil_div(n, 16), m);
  const Split s = choose_split(SplitProblem{batch, m, k, columns, false}, threads);
  CHECK(s.batch >= 1 && s.rows >= 1 && s.columns >= 1);
  CHECK(s.batch * s.rows * s.columns <= (threads < 1 ? 1 : threads));
  CHECK(s.batch <= batch && s.rows <= m && s.columns <= columns.count);
  return s;
}

void check_splits() {
  for (int64_t threads = 1; threads <= 8; ++threads) {
    for (int64_t m = 1; m < 200; m = m * 3 + 1) {
      for (int64_t n = 16; n < 3000; n *= 3) split_of(1 + m % 3, m, n, 500, threads);
    }
  }
  const Split few_pixels = split_of(1, 49, 512, 4608, 2);  // a 7x7 image: output channels
  CHECK(few_pixels.rows == 1 && few_pixels.columns == 2);
  const Split few_channels = split_of(1, 3136, 32, 576, 2);  // a 56x56 image, two panels: pixels
  CHECK(few_channels.rows == 2 && few_channels.columns == 1);
  const Split one_row = split_of(1, 1, 4096, 4096, 4);
  CHECK(one_row.columns == 4);
  const Split heads = split_of(12, 128, 128, 32, 4);
  CHECK(heads.batch == 4);
  const Split small = split_of(1, 16, 16, 16, 4);  // not worth a thread
  CHECK(small.batch * small.rows * small.columns == 1);
}

}  // namespace

int main() {
  if (!aoti_testing::processor_has_isa()) return 0;
  check_balanced_parts();
  check_columns();
  check_splits();
  return aoti_test::result();
}
