"""@server_sources, @signature_sources: C libraries as source, each in a package of its own, fetched when what needs them is built.

    //tools/bazel/sources:sources_lock.txt   NAME PROJECT==VERSION sha256:HEX FOLDER
    //tools/bazel/sources:NAME.bazel         the package's BUILD file
      -> @server_sources//NAME               cc_library
    the same with signature_lock.txt -> @signature_sources//NAME

The archives are source distributions of Python packages, from wherever pip is set up to find packages (as the wheels are). pip
would run their build scripts, so find_source.py asks where the file lies and Bazel fetches it.
"""

load(":python_interpreter.bzl", "find_python")

def _locked(ctx):
    """The lock as a list of struct(name, requirement, sha256, folder)."""
    sources = []
    for number, line in enumerate(ctx.read(ctx.path(ctx.attr.lock)).split("\n")):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split(" ")
        if len(words) != 4 or "==" not in words[1] or not words[2].startswith("sha256:") or len(words[2]) != len("sha256:") + 64:
            fail("%s:%d: expected NAME PROJECT==VERSION sha256:HEX FOLDER, got %r" % (ctx.attr.lock, number + 1, line))
        sources.append(struct(name = words[0], requirement = words[1], sha256 = words[2].removeprefix("sha256:"), folder = words[3]))
    return sources

def _urls(ctx, python, source):
    """Where the archive can be fetched, best first."""
    found = ctx.execute([python.path, ctx.path(ctx.attr._find_source), source.requirement, "sha256:" + source.sha256], timeout = 600)
    if found.return_code:
        fail(found.stderr)
    return found.stdout.strip().split("\n")

def _sources_impl(ctx):
    python = find_python(ctx)
    for source in _locked(ctx):
        ctx.report_progress("fetching " + source.requirement)
        ctx.download_and_extract(
            _urls(ctx, python, source),
            output = source.name,
            sha256 = source.sha256,
            stripPrefix = source.folder,
        )
        ctx.symlink(ctx.attr.lock.relative(source.name + ".bazel"), source.name + "/BUILD.bazel")
    ctx.file("BUILD.bazel", "")

sources = repository_rule(
    implementation = _sources_impl,
    doc = "C libraries of a lock, unpacked.",
    attrs = {
        "lock": attr.label(mandatory = True, allow_single_file = True, doc = "Lines NAME PROJECT==VERSION sha256:HEX FOLDER; the BUILD files lie beside it."),
        "_find_source": attr.label(default = Label(":find_source.py"), allow_single_file = True),
    },
    environ = ["AOTI_PYTHON", "PATH"],
)

def source_repositories():
    """Defines one repository for each lock."""
    sources(name = "server_sources", lock = Label("//tools/bazel/sources:sources_lock.txt"))
    sources(name = "signature_sources", lock = Label("//tools/bazel/sources:signature_lock.txt"))
