// Starts one of the tools inside zig's executable: `cc ARGS` becomes `zig clang ARGS`, with no shell and no C
// library.
//
// Built three times, with TOOL ("clang") and ZIG (the executable's path relative to this program's folder).
// The program's folder is that of argv[0], which Bazel and clang's driver give as a path with a slash in it.

#define PATH_BYTES 4096

static long system_call3(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}

static unsigned long length(const char *text) {
  unsigned long n = 0;
  while (text[n] != 0) n++;
  return n;
}

static void complain(const char *text) { system_call3(1, 2, (long)text, (long)length(text)); }

// `stack` is the process's initial stack: argc, argv[], 0, environment[], 0.
__attribute__((used, noreturn)) static void start(long *stack) {
  long argc = stack[0];
  char **argv = (char **)(stack + 1);
  char **environment = argv + argc + 1;
  char path[PATH_BYTES];
  const char zig[] = ZIG;
  unsigned long folder = argc > 0 ? length(argv[0]) : 0;
  while (folder > 0 && argv[0][folder - 1] != '/') folder--;
  if (folder == 0 || folder + sizeof(zig) > PATH_BYTES) {
    complain("launcher of zig " TOOL
             ": expected argv[0] to be a path with a folder, at most 4096 bytes long\n");
    system_call3(231, 2, 0, 0);
  }
  for (unsigned long i = 0; i < folder; i++) path[i] = argv[0][i];
  for (unsigned long i = 0; i < sizeof(zig); i++) path[folder + i] = zig[i];
  // one argument more than we got: the name of the tool goes between the program and its arguments
  char *arguments[argc + 2];
  arguments[0] = path;
  arguments[1] = (char *)TOOL;
  for (long i = 1; i <= argc; i++) arguments[i + 1] = argv[i];
  system_call3(59, (long)path, (long)arguments, (long)environment);
  complain("launcher of zig " TOOL ": cannot start ");
  complain(path);
  complain("\n");
  system_call3(231, 127, 0, 0);
  __builtin_unreachable();
}

__attribute__((naked, noreturn)) void _start(void) {
  __asm__("xorl %ebp, %ebp\n movq %rsp, %rdi\n andq $-16, %rsp\n call start\n");
}
