"""The C++ toolchains: @cc_toolchains names them, and what is behind a name is fetched when a build needs it.

    @cc_toolchains  names only   ->  @cc_runtime_x86_64, _aarch64, _x86_64_asan, _x86_64_tsan  ->  @ziglang (the wheel)
"""

load(":cc_runtime.bzl", "KINDS", "cc_runtime")
load(":ziglang.bzl", "ziglang")

_TOOLCHAIN = """
toolchain(
    name = "{kind}",
    exec_compatible_with = ["@platforms//os:linux", "@platforms//cpu:x86_64"],
    target_compatible_with = ["@platforms//os:linux", "@platforms//cpu:{cpu}"],
    toolchain = "@cc_runtime_{kind}//:cc_toolchain",
    toolchain_type = "@bazel_tools//tools/cpp:toolchain_type",
)
"""

def _cpu(kind):
    return kind.removesuffix("_asan").removesuffix("_tsan")

def _cc_toolchains_impl(ctx):
    build = "package(default_visibility = [\"//visibility:public\"])\n"
    for kind in KINDS:
        build += _TOOLCHAIN.format(kind = kind, cpu = _cpu(kind))
    ctx.file("BUILD.bazel", build)

_cc_toolchains = repository_rule(implementation = _cc_toolchains_impl, doc = "Names of toolchains; fetches nothing.")

def cc_repositories():
    """Defines @cc_toolchains, @ziglang and one repository of support libraries for each target."""
    _cc_toolchains(name = "cc_toolchains")
    ziglang(name = "ziglang", lock = Label("//tools/bazel/cc:ziglang_lock.txt"))
    for kind, sanitizer in KINDS.items():
        cc_runtime(
            name = "cc_runtime_" + kind,
            cpu = _cpu(kind),
            kind = kind,
            sanitizer = sanitizer,
        )
