"""@ziglang: the PyPI wheel that holds clang, lld and llvm-ar 22 in one executable, and the C and C++ headers.

`zig clang`, `zig ld.lld` and `zig ar` are plain clang, lld and llvm-ar: they keep no cache and read no host file. What
`zig c++` adds (libraries built from source on demand, into a cache) happens once, in cc_runtime.bzl.
"""

load(":python_interpreter.bzl", "find_python")

# Of libc++, the compiler and the kernel, for every target; the C library's own come per architecture.
COMMON_HEADERS = [
    "include",
    "libcxx/include",
    "libcxxabi/include",
    "libunwind/include",
]

# As zig orders them: the most specific first.
LIBC_HEADERS = {
    "x86_64": [
        "libc/include/x86-linux-gnu",
        "libc/include/generic-glibc",
        "libc/include/x86-linux-any",
        "libc/include/any-linux-any",
    ],
    "aarch64": [
        "libc/include/aarch64-linux-gnu",
        "libc/include/generic-glibc",
        "libc/include/aarch64-linux-any",
        "libc/include/any-linux-any",
    ],
}

_BUILD = """package(default_visibility = ["//visibility:public"])

exports_files(["zig/zig"])
"""

_HEADERS = """
filegroup(
    name = "headers_{cpu}",
    srcs = glob({patterns}, allow_empty = False),
)
"""

def _ziglang_impl(ctx):
    python = find_python(ctx)
    ctx.report_progress("pip: fetching the C++ compiler (100 MB)")
    command = [python.path, "-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--dest", "wheels", "-r", ctx.path(ctx.attr.lock)]
    result = ctx.execute(command, timeout = 3600)
    if result.return_code:
        fail("pip cannot fetch the C++ compiler:\n" + result.stdout + result.stderr)
    for wheel in ctx.path("wheels").readdir():
        ctx.symlink(wheel, "wheel.zip")
        ctx.extract("wheel.zip", output = "package")
    ctx.delete("wheel.zip")
    ctx.delete("wheels")
    moved = ctx.execute(["mv", "package/ziglang", "zig"])
    if moved.return_code:
        fail("the wheel of %s holds no ziglang folder: %s" % (ctx.attr.lock, moved.stderr))
    ctx.delete("package")
    executable = ctx.execute(["chmod", "755", "zig/zig"])
    if executable.return_code:
        fail(executable.stderr)
    build = _BUILD
    for cpu, folders in LIBC_HEADERS.items():
        build += _HEADERS.format(cpu = cpu, patterns = repr(["zig/lib/%s/**" % folder for folder in COMMON_HEADERS + folders]))
    ctx.file("BUILD.bazel", build)

ziglang = repository_rule(
    implementation = _ziglang_impl,
    doc = "The C++ compiler's wheel, unpacked.",
    attrs = {"lock": attr.label(mandatory = True, allow_single_file = True)},
    environ = ["AOTI_PYTHON"],
)
