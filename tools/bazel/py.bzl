"""Python tests of this workspace: one macro, one runner.

    aoti_py_test(name = "loop_test", srcs = ["loop_test.py"], deps = [":loop"])

runs pytest on the sources. A file in which pytest collects no test fails, so that no test is silently lost.
"""

load("@rules_python//python:defs.bzl", "py_test")

def aoti_py_test(name, srcs, deps = [], data = [], size = "small", args = [], **kwargs):
    """A pytest run as a Bazel test.

    Args:
      name: the target's name, by custom the file's name without `.py`.
      srcs: test files; each must hold at least one test.
      deps: py_library targets; name `@pysite//:torch` or `@pysite//:numpy` only where they are imported (torch costs
        two seconds at each start).
      data: files that the test reads.
      size: Bazel's test size: "small" (60 s), "medium" (300 s), "large" (900 s).
      args: further arguments for pytest.
      **kwargs: whatever py_test knows.
    """
    if not srcs:
        fail("aoti_py_test(name = %r) needs srcs: the files with the tests" % name)
    runner = Label("//tools/bazel/private:pytest_main.py")
    py_test(
        name = name,
        size = size,
        srcs = srcs + [runner],
        args = ["--test-file=$(rootpath %s)" % source for source in srcs] + args,
        data = data,
        deps = [dep for dep in deps if dep != "@pysite//:pytest"] + ["@pysite//:pytest"],
        legacy_create_init = False,
        main = runner,
        **kwargs
    )
