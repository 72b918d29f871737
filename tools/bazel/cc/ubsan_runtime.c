// Handlers that -fsanitize-minimal-runtime calls: each says which kind of undefined behaviour was met and
// aborts. Written without headers, since it is compiled before there are any libraries to link with. The
// kinds are those of LLVM's documentation of UndefinedBehaviorSanitizer (section "Minimal runtime").

extern long write(int file, const void *bytes, unsigned long count);
extern void abort(void) __attribute__((noreturn));

static void report(const char *kind, void *where) {
  static const char digits[] = "0123456789abcdef";
  char line[160] = "ubsan: undefined behaviour: ";
  unsigned long at = 0;
  while (line[at] != 0) at++;
  for (unsigned long i = 0; kind[i] != 0 && at < 120; i++) line[at++] = kind[i];
  const char by[] = " by 0x";
  for (unsigned long i = 0; by[i] != 0; i++) line[at++] = by[i];
  for (int shift = 60; shift >= 0; shift -= 4) line[at++] = digits[((unsigned long)where >> shift) & 15];
  line[at++] = '\n';
  (void)!write(2, line, at);
}

// Weak and hidden: every object of a link has the handlers at hand, and a library exports none of them.
#define HANDLER(name, kind)                                                                      \
  __attribute__((weak, visibility("hidden"))) void __ubsan_handle_##name##_minimal(void) {       \
    report(kind, __builtin_return_address(0));                                                   \
  }                                                                                              \
  __attribute__((weak, visibility("hidden"))) void __ubsan_handle_##name##_minimal_abort(void) { \
    report(kind, __builtin_return_address(0));                                                   \
    abort();                                                                                     \
  }

HANDLER(type_mismatch, "null, misaligned or wrongly typed pointer")
HANDLER(alignment_assumption, "broken alignment assumption")
HANDLER(add_overflow, "signed addition overflow")
HANDLER(sub_overflow, "signed subtraction overflow")
HANDLER(mul_overflow, "signed multiplication overflow")
HANDLER(negate_overflow, "signed negation overflow")
HANDLER(divrem_overflow, "division by zero or overflow")
HANDLER(shift_out_of_bounds, "shift out of bounds")
HANDLER(out_of_bounds, "array index out of bounds")
HANDLER(local_out_of_bounds, "local array index out of bounds")
HANDLER(builtin_unreachable, "unreachable code reached")
HANDLER(missing_return, "function without a return value")
HANDLER(vla_bound_not_positive, "length of an array is not positive")
HANDLER(float_cast_overflow, "float to integer conversion overflow")
HANDLER(load_invalid_value, "invalid value of a bool or enum")
HANDLER(invalid_builtin, "invalid argument of a builtin")
HANDLER(function_type_mismatch, "function called through a wrong type")
HANDLER(implicit_conversion, "implicit conversion changed a value")
HANDLER(nonnull_arg, "null argument declared nonnull")
HANDLER(nonnull_return, "null returned from a function declared nonnull")
HANDLER(nullability_arg, "null argument declared nonnull")
HANDLER(nullability_return, "null returned from a function declared nonnull")
HANDLER(pointer_overflow, "pointer arithmetic overflow")
HANDLER(cfi_check_fail, "control flow integrity")
