// The checks notice what they should: each failing check is counted, each passing one is not.
#include "tools/testing/check.h"

int main() {
  CHECK(true);
  CHECK_EQ(2 + 2, 4);
  CHECK_NEAR(1.0, 1.05, 0.1);
  CHECK_NEAR(NAN, NAN, 0);
  CHECK_STR_EQ("a", "a");
  CHECK_CONTAINS("abc", "bc");
  int unexpected = aoti_test::failed;
  CHECK(false);
  CHECK_EQ(1, 2);
  CHECK_NEAR(1.0, 1.2, 0.1);
  CHECK_NEAR(NAN, 1.0, 0.1);
  CHECK_STR_EQ("a", nullptr);
  CHECK_CONTAINS(nullptr, "bc");
  bool counted = aoti_test::failed == unexpected + 6 && aoti_test::checked == 12 && aoti_test::result() == 1;
  aoti_test::failed = unexpected;
  return counted && aoti_test::result() == 0 ? 0 : 1;
}
