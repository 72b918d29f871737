"""@cc_runtime_KIND: a toolchain for one target, with the support libraries that every link gets as inputs.

`zig c++ -v` links a small program and so builds libc++, libc++abi, libunwind, compiler_rt, the start file and stubs of
glibc 2.28; the ld.lld line that it prints names them. They are copied out, and no action calls `zig c++` again: actions
call clang and lld with explicit include and library folders (tools/bazel/cc/toolchain_config.bzl holds the flags; a new
flag builds nothing here anew).

    lib/   the libraries and start files       cc, ar, bin/ld.lld   static programs that start zig's tools

The thread sanitizer's runtime is among what zig builds. The address sanitizer's is not: it comes, with libFuzzer, out of
a wheel (docs/reliability.md), and programs find it by its place on this machine, in no other configuration.
"""

load(":python_interpreter.bzl", "find_python")
load(":ziglang.bzl", "LIBC_HEADERS")

GLIBC_MINOR = "28"

# Kind -> the sanitizer whose runtime its programs are linked with
KINDS = {
    "x86_64": "",
    "aarch64": "",
    "x86_64_asan": "address",
    "x86_64_tsan": "thread",
}

# Fewer than this, and zig's output was not what is read here
_FEWEST_LIBRARIES = 12

_TOOLS = {"cc": "clang", "ar": "ar", "bin/ld.lld": "ld.lld"}

_BUILD = """load("@@//tools/bazel/cc:toolchain_config.bzl", "zig_toolchain_config")
load("@rules_cc//cc:defs.bzl", "cc_toolchain")

package(default_visibility = ["//visibility:public"])

zig_toolchain_config(
    name = "config",
    cpu = "{cpu}",
    headers = {headers},
    runtime = "{runtime}",
    sanitizer = "{sanitizer}",
    sanitizer_library = "{sanitizer_library}",
    zig = "{zig}",
)

filegroup(
    name = "compiler",
    srcs = ["cc", "@ziglang//:headers_{cpu}", "@ziglang//:zig/zig"],
)

filegroup(
    name = "linker",
    srcs = ["ar", "bin/ld.lld", "cc", "@ziglang//:zig/zig"] + glob(["lib/**"]),
)

filegroup(
    name = "archiver",
    srcs = ["ar", "@ziglang//:zig/zig"],
)

filegroup(
    name = "all",
    srcs = [":compiler", ":linker"],
)

filegroup(name = "none")

cc_toolchain(
    name = "cc_toolchain",
    all_files = ":all",
    ar_files = ":archiver",
    as_files = ":compiler",
    compiler_files = ":compiler",
    dwp_files = ":none",
    linker_files = ":linker",
    objcopy_files = ":none",
    strip_files = ":none",
    supports_param_files = True,
    toolchain_config = ":config",
)
"""

def _run(ctx, what, command, **kwargs):
    result = ctx.execute(command, timeout = 1800, **kwargs)
    if result.return_code:
        fail("%s failed:\n  %s\n%s%s" % (what, " ".join([str(word) for word in command]), result.stdout, result.stderr))
    return result.stdout + result.stderr

def _library_name(path):
    """The name under which -l finds a library of zig's cache: `libm.so.6` -> `libm.so`."""
    name = path.rsplit("/", 1)[1]
    if ".so." in name and name != "libld.so.2":
        return name.split(".so.")[0] + ".so"
    return name

def _build_libraries(ctx, zig, top):
    """Fills lib/ with what zig links a program with."""
    cache = {"HOME": "/nonexistent", "PATH": "/usr/bin:/bin", "ZIG_GLOBAL_CACHE_DIR": str(ctx.path("cache")), "ZIG_LOCAL_CACHE_DIR": str(ctx.path("cache"))}
    ctx.report_progress("building the C++ support libraries for %s (about a minute)" % ctx.attr.kind)
    command = [zig, "c++", "-target", "%s-linux-gnu.2.%s" % (ctx.attr.cpu, GLIBC_MINOR), "-fno-sanitize=undefined", "-g0", "-s", "-pie", "-fPIE", "-v"]
    command += ["-fsanitize=thread"] if ctx.attr.sanitizer == "thread" else []
    command += ["-o", ctx.path("probe"), ctx.path(ctx.attr._probe)]

    # in the folder of all repositories every path that zig sees is relative: archives name their members by those
    # paths, and come out the same on any machine
    output = _run(ctx, "building the C++ support libraries", command, environment = cache, working_directory = top)
    links = [line for line in output.split("\n") if line.startswith("ld.lld ")]
    if not links:
        fail("zig c++ -v printed no ld.lld line:\n" + output)
    copied = 0
    for word in links[-1].split(" "):
        if "/o/" not in word or word.endswith("/runtime_probe.o") or word.endswith("/probe"):
            continue
        source = word if word.startswith("/") else top + "/" + word
        _run(ctx, "copying a support library", ["sh", "-c", "mkdir -p lib && cp \"$1\" \"$2\" && chmod 644 \"$2\"", "-", source, "lib/" + _library_name(word)])
        copied += 1
    if copied < _FEWEST_LIBRARIES:
        fail("expected at least %d support libraries in zig's link line, found %d:\n%s" % (_FEWEST_LIBRARIES, copied, links[-1]))
    ctx.delete("cache")
    ctx.delete("probe")

def _fetch_asan(ctx):
    """lib/libsanitizer_address.so; gives its path on this machine."""
    python = find_python(ctx)
    ctx.report_progress("pip: fetching the address sanitizer's runtime (35 MB)")
    command = [python.path, "-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--dest", "wheels", "-r", ctx.path(ctx.attr._asan_lock)]
    _run(ctx, "fetching the address sanitizer's runtime", command)
    for wheel in ctx.path("wheels").readdir():
        ctx.symlink(wheel, "wheel.zip")
        ctx.extract("wheel.zip", output = "package")

    # not as libasan.so: the runtime refuses to start beside another one, which it knows by that name
    _run(ctx, "placing the address sanitizer's runtime", ["sh", "-c", "cp package/asan_with_fuzzer.so lib/libsanitizer_address.so"])
    for part in ["wheel.zip", "wheels", "package"]:
        ctx.delete(part)
    return str(ctx.path("lib/libsanitizer_address.so"))

def _build_objects(ctx, zig):
    """The start object of libraries, and the handlers of the undefined-behaviour sanitizer."""
    compile = [zig, "clang", "--target=%s-linux-gnu" % ctx.attr.cpu, "-O2", "-fPIC", "-ffreestanding", "-nostdinc", "-c"]
    _run(ctx, "compiling crtbegin.c", compile + [ctx.path(ctx.attr._crtbegin), "-o", "lib/crtbeginS.o"])
    _run(ctx, "compiling ubsan_runtime.c", compile + [ctx.path(ctx.attr._ubsan_runtime), "-o", "lib/ubsan_runtime.o"])

def _build_launchers(ctx, zig, sdk):
    """cc, ar and bin/ld.lld for the machine that builds."""
    for tool, command in _TOOLS.items():
        relative = ("../" if "/" in tool else "") + "../" + sdk + "/zig/zig"
        ctx.file(tool, "", executable = True)
        _run(ctx, "compiling the launcher of " + tool, [
            zig,
            "clang",
            "--target=x86_64-linux-gnu",
            "-O2",
            "-ffreestanding",
            "-fno-stack-protector",
            "-nostdinc",
            "-DTOOL=\"%s\"" % command,
            "-DZIG=\"%s\"" % relative,
            "-c",
            ctx.path(ctx.attr._launcher),
            "-o",
            "launcher.o",
        ])
        _run(ctx, "linking the launcher of " + tool, [zig, "ld.lld", "-static", "--build-id=none", "-s", "-o", tool, "launcher.o"])
    ctx.delete("launcher.o")

def _cc_runtime_impl(ctx):
    zig = ctx.path(Label("@ziglang//:zig/zig"))
    sdk = zig.dirname.dirname
    _build_libraries(ctx, str(zig), str(sdk.dirname))
    sanitizer_library = _fetch_asan(ctx) if ctx.attr.sanitizer == "address" else ""
    _build_objects(ctx, str(zig))
    _build_launchers(ctx, str(zig), sdk.basename)
    ctx.file("BUILD.bazel", _BUILD.format(
        cpu = ctx.attr.cpu,
        headers = repr(LIBC_HEADERS[ctx.attr.cpu]),
        runtime = "external/" + ctx.name,
        sanitizer = ctx.attr.sanitizer,
        sanitizer_library = sanitizer_library,
        zig = "external/" + sdk.basename + "/zig/lib",
    ))

cc_runtime = repository_rule(
    implementation = _cc_runtime_impl,
    doc = "Support libraries and toolchain of one target.",
    attrs = {
        "cpu": attr.string(mandatory = True, values = LIBC_HEADERS.keys()),
        "kind": attr.string(mandatory = True, values = KINDS.keys()),
        "sanitizer": attr.string(values = ["", "address", "thread"]),
        "_asan_lock": attr.label(default = "//tools/bazel/cc:asan_lock.txt"),
        "_crtbegin": attr.label(default = "//tools/bazel/cc:crtbegin.c"),
        "_launcher": attr.label(default = "//tools/bazel/cc:launcher.c"),
        "_probe": attr.label(default = "//tools/bazel/cc:runtime_probe.cc"),
        "_ubsan_runtime": attr.label(default = "//tools/bazel/cc:ubsan_runtime.c"),
    },
    environ = ["AOTI_PYTHON"],
)
