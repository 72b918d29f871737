// A program that depends on a model library as on any cc_library.
#include "tools/bazel/tests/rules/standin_static.h"

int main() { return standin_static_api()->run(3, 1) == 42 ? 0 : 1; }
