// Runs a library's static destructors at dlclose: zig's start files leave that out, and the process would
// call into unmapped code at exit.

extern void *__dso_handle __attribute__((visibility("hidden")));
extern void __cxa_finalize(void *) __attribute__((weak));

__attribute__((destructor)) static void run_static_destructors(void) {
  if (__cxa_finalize) __cxa_finalize(&__dso_handle);
}
