"""@buildifier: the formatter of BUILD files, out of its npm package (no registry of wheels carries it)."""

_VERSION = "8.2.1"
_SHA256 = "b96ea9b13003036c801f52bee6f9b0314738f8432e5cb9d814c89f59292604ee"

def _buildifier_impl(ctx):
    npm = ctx.which("npm")
    if not npm:
        fail("buildifier comes as an npm package, and npm is not on the PATH: install it, or run the linters without buildifier")
    ctx.report_progress("npm: fetching buildifier (20 MB)")
    result = ctx.execute([npm, "pack", "--silent", "@bazel/buildifier@" + _VERSION], timeout = 600)
    if result.return_code:
        fail("npm cannot fetch buildifier:\n" + result.stdout + result.stderr)
    archive = result.stdout.strip().split("\n")[-1]
    digest = ctx.execute(["sha256sum", archive]).stdout.split(" ")[0]
    if digest != _SHA256:
        fail("%s has sha256 %s; expected %s" % (archive, digest, _SHA256))
    ctx.extract(archive, stripPrefix = "package")
    ctx.delete(archive)
    ctx.symlink("buildifier-linux_amd64", "buildifier")
    ctx.file("BUILD.bazel", "exports_files([\"buildifier\"])\n")

buildifier = repository_rule(implementation = _buildifier_impl, doc = "Fetched when tools/lint/run asks for it.")
