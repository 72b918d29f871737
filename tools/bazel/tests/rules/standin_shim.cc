// Stands for the shim: one function, exported where the shim is a library of its own.
#ifdef STANDIN_EXPORT
__attribute__((visibility("default")))
#endif
extern "C" int aoti_torch_standin(void) {
  return 0;
}
