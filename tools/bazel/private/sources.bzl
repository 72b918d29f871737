"""@server_sources, @signature_sources: C libraries as source, each in a package of its own, fetched when what needs them is built.

    //tools/bazel/sources:sources_lock.txt   NAME URL sha256:HEX FOLDER
    //tools/bazel/sources:NAME.bazel         the package's BUILD file
      -> @server_sources//NAME               cc_library
    the same with signature_lock.txt -> @signature_sources//NAME

The archives are source distributions of the Python package index (the registry that everything else here comes from). pip
would run their build scripts, so Bazel fetches the files itself.
"""

def _locked(ctx):
    """The lock as a list of struct(name, url, sha256, folder)."""
    sources = []
    for number, line in enumerate(ctx.read(ctx.path(ctx.attr.lock)).split("\n")):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split(" ")
        if len(words) != 4 or not words[2].startswith("sha256:") or len(words[2]) != len("sha256:") + 64:
            fail("%s:%d: expected NAME URL sha256:HEX FOLDER, got %r" % (ctx.attr.lock, number + 1, line))
        sources.append(struct(name = words[0], url = words[1], sha256 = words[2].removeprefix("sha256:"), folder = words[3]))
    return sources

def _sources_impl(ctx):
    for source in _locked(ctx):
        ctx.download_and_extract(
            source.url,
            output = source.name,
            sha256 = source.sha256,
            stripPrefix = source.folder,
        )
        ctx.symlink(ctx.attr.lock.relative(source.name + ".bazel"), source.name + "/BUILD.bazel")
    ctx.file("BUILD.bazel", "")

sources = repository_rule(
    implementation = _sources_impl,
    doc = "C libraries of a lock, unpacked.",
    attrs = {"lock": attr.label(mandatory = True, allow_single_file = True, doc = "Lines NAME URL sha256:HEX FOLDER; the BUILD files lie beside it.")},
)

def source_repositories():
    """Defines one repository for each lock."""
    sources(name = "server_sources", lock = Label("//tools/bazel/sources:sources_lock.txt"))
    sources(name = "signature_sources", lock = Label("//tools/bazel/sources:signature_lock.txt"))
