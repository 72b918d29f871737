"""Module extensions of MODULE.bazel: Python packages, C++ toolchains, C libraries as source (WORKSPACE has workspace.bzl)."""

load("//tools/bazel/private:cc_repositories.bzl", "cc_repositories")
load("//tools/bazel/private:python_repositories.bzl", "python_repositories")
load("//tools/bazel/private:sources.bzl", "source_repositories")

python = module_extension(
    implementation = lambda _ctx: python_repositories(),
    doc = "The interpreter (@local_python) and the locked packages (@pysite).",
)

cc = module_extension(
    implementation = lambda _ctx: cc_repositories(),
    doc = "The C++ toolchains (@cc_toolchains) and what they are made of.",
)

third_party = module_extension(
    implementation = lambda _ctx: source_repositories(),
    doc = "C libraries as source (@server_sources, @signature_sources).",
)
