"""Fuzz targets: a function LLVMFuzzerTestOneInput in a file of its own.

    NAME_test      the corpus and 20,000 changed copies of it, in every build
    NAME_fuzzer    libFuzzer: bazel run --config=fuzz //...:NAME_fuzzer -- -runs=1000000 $PWD/.../corpus/NAME
"""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_test")

def fuzz_target(name, src, deps):
    """Makes the two programs; the corpus is the folder corpus/NAME beside the file.

    Args:
      name: of the target and of its corpus.
      src: the file.
      deps: what it reads with.
    """
    corpus = native.glob(["corpus/%s/*" % name], allow_empty = False)
    cc_test(
        name = name + "_test",
        size = "small",
        srcs = [src, Label("//tools/testing:fuzz_replay.cc")],
        args = [native.package_name() + "/corpus/" + name],
        data = corpus,
        deps = deps,
    )
    cc_binary(
        name = name + "_fuzzer",
        testonly = True,
        srcs = [src, Label("//tools/testing:fuzz_main.cc")],
        tags = ["manual"],
        deps = deps,
    )
