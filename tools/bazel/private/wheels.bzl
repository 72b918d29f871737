"""Repositories of wheels: fetched by pip against the hashes of the lock, unpacked, byte-compiled.

A repository holds one group of packages, each in a folder of its own: a test that names numpy does not wait for torch.
Each folder is one directory artifact, since Bazel needs seconds for the 12,000 files of torch one by one.

    wheels(name = "pysite_numpy", packages = ["numpy"], lock = "//tools/bazel:requirements_lock.txt")
      -> @pysite_numpy//:numpy        py_library; imports work
         @pysite_numpy//:numpy_files  the folder
"""

load(":python_interpreter.bzl", "find_python")

# PyTorch's CPU build is not on the default package index. The lock's hash decides what is taken, whoever serves it.
_TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
_TORCH_ADVICE = """
The lock holds PyTorch's CPU build, which is not on the default package index: let pip reach %s, or a mirror of it by
PIP_EXTRA_INDEX_URL, or a folder with the wheel by PIP_FIND_LINKS.""" % _TORCH_INDEX

def _lock_lines(ctx):
    """The lock as {package: requirement line}."""
    lines = {}
    for line in ctx.read(ctx.path(ctx.attr.lock)).split("\n"):
        line = line.strip()
        if line and not line.startswith("#"):
            lines[line.split("==")[0].lower().replace("_", "-")] = line
    return lines

def _download(ctx, python):
    lines = _lock_lines(ctx)
    missing = [package for package in ctx.attr.packages if package not in lines]
    if missing:
        fail("%s: not in the lock %s; add NAME==VERSION --hash=sha256:HEX" % (", ".join(missing), ctx.attr.lock))
    ctx.file("requirements.txt", "\n".join([lines[package] for package in ctx.attr.packages]) + "\n")
    ctx.report_progress("pip: fetching " + ", ".join(ctx.attr.packages))
    command = [python.path, "-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--dest", "wheels", "-r", "requirements.txt"]
    result = ctx.execute(command, timeout = 3600)
    if result.return_code and "torch" in ctx.attr.packages:
        ctx.report_progress("pip: fetching PyTorch's CPU build from its own index")
        again = ctx.execute(command + ["--extra-index-url", _TORCH_INDEX], timeout = 3600)
        result = again if not again.return_code else result
    if result.return_code:
        fail("pip cannot fetch %s:\n%s%s" % (
            ", ".join(ctx.attr.packages),
            result.stdout + result.stderr,
            _TORCH_ADVICE if "torch" in ctx.attr.packages else "",
        ))

def _unpack(ctx):
    """Unpacks each wheel into packages/NAME and moves its scripts to packages/NAME/bin."""
    for wheel in ctx.path("wheels").readdir():
        archive = "archives/%s.zip" % wheel.basename  # the name says how to unpack it
        ctx.symlink(wheel, archive)
        package = wheel.basename.split("-")[0].lower().replace("_", "-")
        folder = "packages/" + package
        ctx.report_progress("unpacking " + package)
        ctx.extract(archive, output = folder)
        for data in ctx.path(folder).readdir():
            if data.basename.endswith(".data"):
                result = ctx.execute(["sh", "-c", "cd \"$1\" && if [ -d scripts ]; then chmod 755 scripts/* && mv scripts ../bin; fi", "-", data])
                if result.return_code:
                    fail(result.stderr)
    ctx.delete("archives")
    ctx.delete("wheels")

def _compile(ctx, python):
    # unchecked: Bazel's own digests say whether a file is the locked one; the import is 1 s faster for torch
    ctx.report_progress("byte-compiling " + ", ".join(ctx.attr.packages))
    result = ctx.execute(
        [python.path, "-I", "-m", "compileall", "-q", "-j", "2", "-s", ctx.path("packages"), "--invalidation-mode", "unchecked-hash", "packages"],
        timeout = 1800,
    )
    if result.return_code > 1:  # 1: a file that is no valid Python 3.11, of which packages carry a few as data
        fail(result.stdout + result.stderr)

_LIBRARY = """
py_library(
    name = "{name}",
    data = [":{name}_files"],
    imports = ["packages/{name}"],
    deps = {deps},
)

filegroup(
    name = "{name}_files",
    srcs = ["packages/{name}"],
)
"""

def _wheels_impl(ctx):
    python = find_python(ctx)
    _download(ctx, python)
    _unpack(ctx)
    if ctx.attr.byte_compile:
        _compile(ctx, python)
    build = "load(\"@rules_python//python:defs.bzl\", \"py_library\")\n\npackage(default_visibility = [\"//visibility:public\"])\n"
    for index, package in enumerate(ctx.attr.packages):
        # the first package is what the group is for, the others are what it needs
        needs = [":" + other for other in ctx.attr.packages[1:]] if index == 0 else []
        build += _LIBRARY.format(name = package, deps = repr(needs))
    ctx.file("BUILD.bazel", build + ctx.attr.extra_build)

wheels = repository_rule(
    implementation = _wheels_impl,
    doc = "A group of locked wheels; the first package depends on the others.",
    attrs = {
        "packages": attr.string_list(mandatory = True, doc = "Names as the lock spells them."),
        "lock": attr.label(mandatory = True, allow_single_file = True, doc = "Lines NAME==VERSION --hash=sha256:HEX."),
        "byte_compile": attr.bool(default = True, doc = "False for packages of which only data is used."),
        "extra_build": attr.string(doc = "More targets, appended to the BUILD file."),
    },
    environ = ["AOTI_PYTHON"],
)
