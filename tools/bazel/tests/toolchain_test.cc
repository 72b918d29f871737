// Loads, uses and unloads a library three times: exceptions and threads work in it, its static destructors
// run at dlclose, and the process ends well.
#include <dlfcn.h>

#include <cstdio>
#include <cstring>

int main(int argc, char **argv) {
  if (argc != 2) return std::printf("usage: toolchain_test LIBRARY\n"), 2;
  for (int round = 0; round < 3; ++round) {
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return std::printf("%s\n", dlerror()), 1;
    auto run = reinterpret_cast<int (*)(int)>(dlsym(library, "everything_run"));
    auto last_error = reinterpret_cast<const char *(*)()>(dlsym(library, "everything_last_error"));
    if (run == nullptr || last_error == nullptr) return std::printf("%s\n", dlerror()), 1;
    if (int got = run(4); got != 10) return std::printf("run(4): expected 10, got %d\n", got), 1;
    if (int got = run(9); got != -1) return std::printf("run(9): expected -1, got %d\n", got), 1;
    if (std::strcmp(last_error(), "too many: 9") != 0)
      return std::printf("unexpected error: %s\n", last_error()), 1;
    if (dlclose(library) != 0) return std::printf("%s\n", dlerror()), 1;
    if (dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD) != nullptr)
      return std::printf("still loaded after dlclose\n"), 1;
  }
  return 0;
}
