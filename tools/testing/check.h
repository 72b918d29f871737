// Checks for C++ tests that are plain programs: a failed check prints where, what was expected and what came,
// and the test goes on; main ends with `return aoti_test::result();`, which is not 0 when anything failed or
// nothing was checked.
//
//   int main() {
//     CHECK_EQ(2 + 2, 4);
//     CHECK_NEAR(sqrt(2.0), 1.41421356, 1e-8);
//     CHECK_CONTAINS(message, "expected float32");
//     return aoti_test::result();
//   }
//
// Thread-safe. C headers only, so that it can be used beside code without a C++ library.
#ifndef TOOLS_TESTING_CHECK_H_
#define TOOLS_TESTING_CHECK_H_

#include <math.h>
#include <stdio.h>
#include <string.h>

namespace aoti_test {

inline int checked = 0;
inline int failed = 0;

inline bool note(bool ok, const char *file, int line, const char *expression) {
  __atomic_fetch_add(&checked, 1, __ATOMIC_RELAXED);
  if (ok) return true;
  __atomic_fetch_add(&failed, 1, __ATOMIC_RELAXED);
  fprintf(stderr, "%s:%d: check failed: %s\n", file, line, expression);
  return false;
}

// One overload for each kind of value, so that a failure can show both sides.
inline void show(const char *label, long long value) { fprintf(stderr, "  %s %lld\n", label, value); }
inline void show(const char *label, unsigned long long value) {
  fprintf(stderr, "  %s %llu\n", label, value);
}
inline void show(const char *label, long value) { show(label, static_cast<long long>(value)); }
inline void show(const char *label, unsigned long value) {
  show(label, static_cast<unsigned long long>(value));
}
inline void show(const char *label, int value) { show(label, static_cast<long long>(value)); }
inline void show(const char *label, unsigned value) { show(label, static_cast<unsigned long long>(value)); }
inline void show(const char *label, bool value) {
  fprintf(stderr, "  %s %s\n", label, value ? "true" : "false");
}
inline void show(const char *label, double value) { fprintf(stderr, "  %s %.17g\n", label, value); }
inline void show(const char *label, const char *value) {
  fprintf(stderr, "  %s %s\n", label, value != nullptr ? value : "(null)");
}
inline void show(const char *label, const void *value) { fprintf(stderr, "  %s %p\n", label, value); }

template <class A, class B>
void check_eq(const A &got, const B &expected, const char *file, int line, const char *expression) {
  if (note(got == expected, file, line, expression)) return;
  show("expected", expected);
  show("got     ", got);
}

// Equal, both NaN, or no further apart than `tolerance`.
inline void check_near(double got, double expected, double tolerance, const char *file, int line,
                       const char *expression) {
  bool ok = got == expected || (isnan(got) && isnan(expected)) || fabs(got - expected) <= tolerance;
  if (note(ok, file, line, expression)) return;
  show("expected ", expected);
  show("got      ", got);
  show("tolerance", tolerance);
}

inline void check_str_eq(const char *got, const char *expected, const char *file, int line,
                         const char *expression) {
  bool ok = got != nullptr && expected != nullptr && strcmp(got, expected) == 0;
  if (note(ok, file, line, expression)) return;
  show("expected", expected);
  show("got     ", got);
}

inline void check_contains(const char *text, const char *part, const char *file, int line,
                           const char *expression) {
  if (note(text != nullptr && strstr(text, part) != nullptr, file, line, expression)) return;
  show("expected to find", part);
  show("in              ", text);
}

// What main returns.
inline int result() {
  if (checked == 0) fprintf(stderr, "no check was made: a test that cannot fail\n");
  if (failed != 0) fprintf(stderr, "%d of %d checks failed\n", failed, checked);
  return failed == 0 && checked != 0 ? 0 : 1;
}

}  // namespace aoti_test

#define CHECK(condition) aoti_test::note(static_cast<bool>(condition), __FILE__, __LINE__, #condition)
// `got` comes first, what is expected second.
#define CHECK_EQ(got, expected) \
  aoti_test::check_eq((got), (expected), __FILE__, __LINE__, #got " == " #expected)
#define CHECK_NEAR(got, expected, tolerance) \
  aoti_test::check_near((got), (expected), (tolerance), __FILE__, __LINE__, #got " near " #expected)
#define CHECK_STR_EQ(got, expected) \
  aoti_test::check_str_eq((got), (expected), __FILE__, __LINE__, #got " is " #expected)
#define CHECK_CONTAINS(text, part) \
  aoti_test::check_contains((text), (part), __FILE__, __LINE__, #text " contains " #part)

#endif  // TOOLS_TESTING_CHECK_H_
