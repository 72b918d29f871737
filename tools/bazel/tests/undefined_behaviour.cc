// Breaks one rule of C++, which the argument names, so that the sanitizer can be seen to work.
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

int main(int argc, char **argv) {
  const char *rule = argc > 1 ? argv[1] : "";
  int one = argc - 1;
  int values[4] = {1, 2, 3, 4};
  if (std::strcmp(rule, "add") == 0) return INT_MAX + one > 0;
  if (std::strcmp(rule, "shift") == 0) return 1 << (one + 40);
  if (std::strcmp(rule, "index") == 0) return values[one + 3];
  if (std::strcmp(rule, "divide") == 0) return 1 / (one - 1);
  if (std::strcmp(rule, "null") == 0) return *reinterpret_cast<int *>(static_cast<long>(one - 1));
  std::printf("no rule was broken\n");
  return 0;
}
