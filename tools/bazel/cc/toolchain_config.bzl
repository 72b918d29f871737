"""Flags of the C++ toolchain. Its files are repositories (tools/bazel/private/cc_runtime.bzl); a change here fetches and
builds none of them anew.

Rules that every flag set keeps: nothing of the host is read (-nostdinc, -nostdlib, explicit folders), paths are relative
to the execution root, no time and no folder name enters the output.
"""

load("@rules_cc//cc:action_names.bzl", "ACTION_NAMES")
load("@rules_cc//cc:cc_toolchain_config_lib.bzl", "feature", "flag_group", "flag_set", "tool_path")
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load("@rules_cc//cc/toolchains:cc_toolchain_config_info.bzl", "CcToolchainConfigInfo")
load("//tools/bazel/private:cc_runtime.bzl", "GLIBC_MINOR")
load("//tools/bazel/private:ziglang.bzl", "COMMON_HEADERS")

_C = [ACTION_NAMES.c_compile]
_CXX = [ACTION_NAMES.cpp_compile, ACTION_NAMES.cpp_header_parsing]
_ASSEMBLE = [ACTION_NAMES.assemble, ACTION_NAMES.preprocess_assemble]
_COMPILE = _C + _CXX + _ASSEMBLE
_PROGRAM = [ACTION_NAMES.cpp_link_executable]
_LIBRARY = [ACTION_NAMES.cpp_link_dynamic_library, ACTION_NAMES.cpp_link_nodeps_dynamic_library]
_LINK = _PROGRAM + _LIBRARY

# The settings of libc++ that `zig c++ -v` passes: its __config_site expects them from the command line.
LIBCXX_DEFINES = [
    "-D_LIBCPP_ABI_NAMESPACE=__1",
    "-D_LIBCPP_ABI_VERSION=1",
    "-D_LIBCPP_ASSERTION_SEMANTIC_DEFAULT=_LIBCPP_ASSERTION_SEMANTIC_IGNORE",
    "-D_LIBCPP_DISABLE_VISIBILITY_ANNOTATIONS",
    "-D_LIBCPP_HARDENING_MODE=_LIBCPP_HARDENING_MODE_NONE",
    "-D_LIBCPP_HAS_FILESYSTEM=1",
    "-D_LIBCPP_HAS_LOCALIZATION",
    "-D_LIBCPP_HAS_MONOTONIC_CLOCK",
    "-D_LIBCPP_HAS_MUSL_LIBC=0",
    "-D_LIBCPP_HAS_NO_STD_MODULES",
    "-D_LIBCPP_HAS_RANDOM_DEVICE",
    "-D_LIBCPP_HAS_TERMINAL",
    "-D_LIBCPP_HAS_THREADS=1",
    "-D_LIBCPP_HAS_TIME_ZONE_DATABASE",
    "-D_LIBCPP_HAS_UNICODE",
    "-D_LIBCPP_HAS_VENDOR_AVAILABILITY_ANNOTATIONS=0",
    "-D_LIBCPP_HAS_WIDE_CHARACTERS",
    "-D_LIBCPP_PSTL_BACKEND_SERIAL",
    "-D_LIBCXXABI_DISABLE_VISIBILITY_ANNOTATIONS",
]

_REPRODUCIBLE = [
    "-ffile-compilation-dir=.",
    "-no-canonical-prefixes",
    "-Wno-builtin-macro-redefined",
    "-D__DATE__=\"redacted\"",
    "-D__TIME__=\"redacted\"",
    "-D__TIMESTAMP__=\"redacted\"",
]

# Archives whose symbols a library never exports.
_PRIVATE_ARCHIVES = "libc++.a:libc++abi.a:libunwind.a:libcompiler_rt.a:libc_nonshared.a"

# In this order after the objects; only what is used is taken.
_SUPPORT_LIBRARIES = [
    "-Wl,--as-needed",
    "-lc++abi",
    "-lc++",
    "-lunwind",
    "-lm",
    "-lc",
    "-l:libld.so.2",
    "-lpthread",
    "-ldl",
    "-lrt",
    "-lc_nonshared",
    "-lcompiler_rt",
]

# What the undefined-behaviour sanitizer checks; its handlers are our own (ubsan_runtime.c).
_UBSAN = [
    "-fsanitize=undefined",
    "-fno-sanitize=function,vptr",
    "-fsanitize-minimal-runtime",
    "-fno-sanitize-recover=all",
]

def _flags(actions, flags):
    return flag_set(actions = actions, flag_groups = [flag_group(flags = flags)])

def _system(folders):
    return [word for folder in folders for word in ("-isystem", folder)]

def _headers(ctx):
    """Include folders: (libc++'s, those of every language)."""
    common = [ctx.attr.zig + "/" + folder for folder in COMMON_HEADERS]
    libc = [ctx.attr.zig + "/" + folder for folder in ctx.attr.headers]
    compiler, cxx, cxxabi, unwind = common
    return [cxx, cxxabi], [compiler] + libc + [unwind]

def _compile_flags(ctx, target):
    cxx_headers, headers = _headers(ctx)
    every = target + _REPRODUCIBLE + ["-nostdinc", "-Wall", "-fno-sanitize=undefined"]
    if ctx.attr.cpu == "aarch64":
        every.append("-mno-outline-atomics")  # their helpers are not in zig's compiler_rt
    if ctx.attr.sanitizer:
        every += ["-fsanitize=" + ctx.attr.sanitizer, "-g1", "-fno-omit-frame-pointer"]
    if ctx.attr.sanitizer == "address":
        every.append("-fno-sanitize-address-use-odr-indicator")  # model libraries of one process have equal names inside
    glibc = ["-D__GLIBC_MINOR__=" + GLIBC_MINOR]
    return [
        _flags(_COMPILE, every + glibc),
        _flags(_C, ["-std=c11"]),
        _flags(_CXX, ["-std=c++17", "-nostdinc++"] + _system(cxx_headers) + LIBCXX_DEFINES),
        _flags(_COMPILE, _system(headers)),
    ]

def _link_flags(ctx, target):
    runtime = ctx.attr.runtime
    every = target + [
        "-nostdlib",
        "-fuse-ld=lld",
        "-B" + runtime + "/bin",
        "-L" + runtime + "/lib",
        "-Wl,-znow",
        "-Wl,--build-id=none",
        "-Wl,--gc-sections",
        "-Wl,--exclude-libs=" + _PRIVATE_ARCHIVES,
    ]
    program = ["-pie", runtime + "/lib/Scrt1.o"]
    if ctx.attr.sanitizer == "thread":
        program += ["-rdynamic", "-Wl,--whole-archive", "-ltsan", "-Wl,--no-whole-archive"]
    if ctx.attr.sanitizer == "address":
        folder = ctx.attr.sanitizer_library.rsplit("/", 1)[0]

        # its exceptions are libstdc++'s: ours are linked in before it is looked at
        program += ["-rdynamic", "-Wl,--undefined=__cxa_throw", "-lc++abi", "-lsanitizer_address", "-Wl,-rpath," + folder, "-Wl,--allow-shlib-undefined"]
    return [
        _flags(_LINK, every),
        _flags(_PROGRAM, program),
        _flags(_LIBRARY, [runtime + "/lib/crtbeginS.o"]),
    ]

def _features(ctx):
    target = ["--target=%s-linux-gnu" % ctx.attr.cpu, "--sysroot=/nonexistent"]
    strip = [] if ctx.attr.sanitizer else [_flags(_LINK, ["-s"])]

    # A program brings the sanitizer's runtime; a library that it loads finds it there.
    undefined = [_flags(_LIBRARY, ["-Wl,-z,undefs"])] if ctx.attr.sanitizer else []
    return [
        feature(name = "default_flags", enabled = True, flag_sets = _compile_flags(ctx, target) + _link_flags(ctx, target)),
        feature(name = "supports_pic", enabled = True),
        feature(name = "supports_dynamic_linker", enabled = True),
        feature(name = "opt", flag_sets = [_flags(_C + _CXX, ["-O2", "-DNDEBUG", "-g0", "-ffunction-sections", "-fdata-sections"])] + strip),
        feature(name = "fastbuild", flag_sets = [_flags(_C + _CXX, ["-O1", "-g0"])] + strip),
        feature(name = "dbg", flag_sets = [_flags(_C + _CXX, ["-O0", "-g"])]),
        feature(name = "fuzz", flag_sets = [_flags(_C + _CXX, ["-fsanitize=fuzzer-no-link"])]),
        feature(name = "ubsan", flag_sets = [
            _flags(_C + _CXX, _UBSAN),
            _flags(_LINK, [ctx.attr.runtime + "/lib/ubsan_runtime.o"]),
        ]),
        feature(name = "support_libraries", enabled = True, flag_sets = [_flags(_LINK, _SUPPORT_LIBRARIES)] + undefined),
    ]

def _zig_toolchain_config_impl(ctx):
    cxx_headers, headers = _headers(ctx)
    tools = {"gcc": "cc", "cpp": "cc", "ld": "bin/ld.lld", "ar": "ar"}
    unused = {tool: "/bin/false" for tool in ["gcov", "nm", "objdump", "strip"]}
    return cc_common.create_cc_toolchain_config_info(
        ctx = ctx,
        abi_libc_version = "2." + GLIBC_MINOR,
        abi_version = "gnu",
        compiler = "clang",
        cxx_builtin_include_directories = cxx_headers + headers,
        features = _features(ctx),
        host_system_name = "local",
        target_cpu = {"x86_64": "k8", "aarch64": "aarch64"}[ctx.attr.cpu],
        target_libc = "glibc_2." + GLIBC_MINOR,
        target_system_name = ctx.attr.cpu + "-linux-gnu",
        tool_paths = [tool_path(name = name, path = path) for name, path in (tools | unused).items()],
        toolchain_identifier = "zig-" + ctx.attr.cpu,
    )

zig_toolchain_config = rule(
    implementation = _zig_toolchain_config_impl,
    doc = "Flags of the toolchain for one target.",
    attrs = {
        "cpu": attr.string(mandatory = True, values = ["x86_64", "aarch64"]),
        "headers": attr.string_list(mandatory = True, doc = "The C library's header folders, relative to `zig`."),
        "runtime": attr.string(mandatory = True, doc = "The support libraries' repository, from the execution root."),
        "sanitizer": attr.string(doc = "The sanitizer to build for: address, thread or none."),
        "sanitizer_library": attr.string(doc = "The address sanitizer's runtime: where it is on this machine."),
        "zig": attr.string(mandatory = True, doc = "Zig's lib folder, from the execution root."),
    },
    provides = [CcToolchainConfigInfo],
)
