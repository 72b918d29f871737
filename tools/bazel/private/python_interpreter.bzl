"""The Python 3.11 of this machine: found once, checked, and made a toolchain (@local_python).

The packages are locked as wheels for this version, so that another one is refused with a sentence. AOTI_PYTHON names
the interpreter; else python3.11 and python3 of the PATH are tried. Builds and tests run it as an empty virtual
environment: it sees its own standard library and none of the packages that are installed on the machine.
"""

PYTHON_VERSION = "3.11"

_PROBE = """
import sys, sysconfig
print(sys.executable)
print(sysconfig.get_path("include"))
print("%d.%d" % sys.version_info[:2])
"""

def find_python(ctx):
    """Returns struct(path, include) of a working Python 3.11, or fails naming what was tried.

    Args:
      ctx: a repository_ctx.
    """
    named = ctx.os.environ.get("AOTI_PYTHON")
    candidates = [named] if named else [str(path) for path in [ctx.which("python" + PYTHON_VERSION), ctx.which("python3")] if path]
    tried = []
    for candidate in candidates:
        probe = ctx.execute([candidate, "-I", "-c", _PROBE])
        if probe.return_code:
            tried.append("%s (does not run)" % candidate)
            continue
        executable, include, version = probe.stdout.strip().split("\n")
        if version == PYTHON_VERSION:
            # the real file: version managers put scripts on the PATH that need their environment
            return struct(path = str(ctx.path(executable).realpath), include = include)
        tried.append("%s (is %s)" % (candidate, version))
    fail("Python %s is needed; tried %s. Install it, or name it with AOTI_PYTHON=/path/to/python%s." % (
        PYTHON_VERSION,
        ", ".join(tried) or "python%s and python3, neither is on the PATH" % PYTHON_VERSION,
        PYTHON_VERSION,
    ))

_BUILD = """load("@rules_cc//cc:defs.bzl", "cc_library")
load("@rules_python//python:defs.bzl", "py_runtime", "py_runtime_pair")

package(default_visibility = ["//visibility:public"])

py_runtime(
    name = "runtime",
    interpreter_path = "{isolated}",
    python_version = "PY3",
    stub_shebang = "#!{path}",
)

py_runtime_pair(
    name = "pair",
    py3_runtime = ":runtime",
)

toolchain(
    name = "toolchain",
    toolchain = ":pair",
    toolchain_type = "@bazel_tools//tools/python:toolchain_type",
)

# Python.h, for extension modules
cc_library(
    name = "headers",
    hdrs = glob(["include/**/*.h"], allow_empty = False),
    includes = ["include"],
)
"""

def _local_python_impl(ctx):
    python = find_python(ctx)
    if ctx.path(python.include + "/Python.h").exists:
        ctx.symlink(python.include, "include")
    else:
        # an error where it matters, and nowhere else
        ctx.file("include/Python.h", "#error \"Python.h is not in %s: install the headers of Python %s (python%s-dev)\"\n" % (
            python.include,
            PYTHON_VERSION,
            PYTHON_VERSION,
        ))
    ctx.symlink(python.path, "environment/bin/python3")
    ctx.file("environment/pyvenv.cfg", "home = %s\ninclude-system-site-packages = false\n" % ctx.path(python.path).dirname)
    ctx.file("BUILD.bazel", _BUILD.format(
        isolated = ctx.path("environment/bin/python3"),
        # not the isolated one: an interpreter line holds 127 characters on old kernels
        path = python.path,
    ))

local_python = repository_rule(
    implementation = _local_python_impl,
    doc = "Toolchain and headers of the machine's Python.",
    environ = ["AOTI_PYTHON", "PATH"],
)
