// Stands for the runtime's headers in the rule's test.
#ifndef TOOLS_BAZEL_TESTS_RULES_STANDIN_H_
#define TOOLS_BAZEL_TESTS_RULES_STANDIN_H_

#ifdef __cplusplus
extern "C" {
#endif

typedef struct StandinDesc {
  int (*run)(int isa, int x);
} StandinDesc;

typedef struct StandinApi {
  int (*run)(int isa, int x);
} StandinApi;

const StandinApi *standin_api(void);
int aoti_torch_standin(void);

#ifdef __cplusplus
}
#endif

#endif  // TOOLS_BAZEL_TESTS_RULES_STANDIN_H_
