"""@libsodium: the cryptographic library's sources, out of PyNaCl's source package (no other registry that is used here has them).

pip asks a source package for its metadata before it hands it over, which runs the package's setup.py: with the locked
setuptools, and after both hashes were compared. Only the sources are kept.
"""

load(":python_interpreter.bzl", "find_python")

# What libsodium's configure finds on Linux with this toolchain. Portable C only: no assembly, no intrinsics, so that one
# list serves every processor and the sanitizers see all of it.
_DEFINES = [
    "CONFIGURED=1",
    "DEV_MODE=0",
    "HAVE_ATOMIC_OPS=1",
    "HAVE_CLOCK_GETTIME=1",
    "HAVE_EXPLICIT_BZERO=1",
    "HAVE_GETPID=1",
    "HAVE_MADVISE=1",
    "HAVE_MLOCK=1",
    "HAVE_MMAP=1",
    "HAVE_MPROTECT=1",
    "HAVE_NANOSLEEP=1",
    "HAVE_POSIX_MEMALIGN=1",
    "HAVE_PTHREAD=1",
    "HAVE_RAISE=1",
    "HAVE_SYS_AUXV_H=1",
    "HAVE_SYS_MMAN_H=1",
    "HAVE_SYS_PARAM_H=1",
    "HAVE_SYS_RANDOM_H=1",
    "HAVE_GETRANDOM=1",
    "HAVE_SYSCONF=1",
    "HAVE_TI_MODE=1",
    "HAVE_WEAK_SYMBOLS=1",
    "NATIVE_LITTLE_ENDIAN=1",
    "TLS=_Thread_local",
    "_GNU_SOURCE=1",
]

# Signatures (Ed25519), SHA-512 and random numbers; what else core.c and randombytes.c name is dropped when they are linked.
_SOURCES = [
    "crypto_core/ed25519/ref10/ed25519_ref10.c",
    "crypto_hash/sha512/cp/hash_sha512_cp.c",
    "crypto_sign/ed25519/ref10/keypair.c",
    "crypto_sign/ed25519/ref10/open.c",
    "crypto_sign/ed25519/ref10/sign.c",
    "crypto_verify/verify.c",
    "randombytes/randombytes.c",
    "randombytes/sysrandom/randombytes_sysrandom.c",
    "sodium/core.c",
    "sodium/utils.c",
]

_BUILD = """load("@rules_cc//cc:defs.bzl", "cc_library")

cc_library(
    name = "libsodium",
    srcs = {sources} + glob(["libsodium/**/*.h"], exclude = ["libsodium/include/**"]),
    hdrs = glob(["libsodium/include/**/*.h"]),
    copts = ["-w", "-fvisibility=hidden", "-ffunction-sections", "-iquote", "external/{repository}/libsodium/include/sodium"],
    defines = ["SODIUM_STATIC=1"],
    includes = ["libsodium/include"],
    linkstatic = True,
    local_defines = {defines},
    visibility = ["//visibility:public"],
)

exports_files(["LICENSE"])
"""

def _run(ctx, what, command, environment = {}):
    result = ctx.execute(command, environment = environment, timeout = 600)
    if result.return_code:
        fail("cannot %s:\n%s%s" % (what, result.stdout, result.stderr))

def _libsodium_impl(ctx):
    python = find_python(ctx)
    pip = [python.path, "-m", "pip", "download", "--no-deps", "--require-hashes", "--disable-pip-version-check"]
    for line in ctx.read(ctx.attr.lock).split("\n"):
        if line and not line.startswith("#"):
            ctx.file(line.split("==")[0] + ".txt", line + "\n")
    ctx.report_progress("pip: fetching libsodium (4 MB)")
    _run(ctx, "fetch setuptools", pip + ["--only-binary", ":all:", "--dest", "setuptools", "-r", "setuptools.txt"])
    ctx.symlink(ctx.path("setuptools").readdir()[0], "setuptools.zip")
    ctx.extract("setuptools.zip", output = "site")
    _run(
        ctx,
        "fetch libsodium's sources",
        pip + ["--no-binary", ":all:", "--no-build-isolation", "--dest", "source", "-r", "pynacl.txt"],
        {"PYTHONPATH": str(ctx.path("site"))},
    )
    archive = ctx.path("source").readdir()[0]
    ctx.extract(archive, output = "package", stripPrefix = archive.basename.removesuffix(".tar.gz"))
    for source, destination in [("src/libsodium", "libsodium"), ("LICENSE", "LICENSE"), ("builds/msvc/version.h", "libsodium/include/sodium/version.h")]:
        _run(ctx, "find " + source, ["mv", "package/src/libsodium/" + source, destination])
    for left in ["package", "site", "setuptools", "setuptools.zip", "source"]:
        ctx.delete(left)
    sources = repr(["libsodium/" + source for source in _SOURCES])
    ctx.file("BUILD.bazel", _BUILD.format(defines = repr(_DEFINES), repository = ctx.name, sources = sources))

libsodium = repository_rule(
    implementation = _libsodium_impl,
    doc = "libsodium as a C library of portable code.",
    attrs = {"lock": attr.label(mandatory = True, allow_single_file = True, doc = "setuptools and PyNaCl.")},
    environ = ["AOTI_PYTHON"],
)
