"""What WORKSPACE calls: the rule sets as archives, then the same repositories that extensions.bzl makes.

The rule sets are the newest ones that work without bzlmod's help; MODULE.bazel names newer ones.
"""

load("@bazel_tools//tools/build_defs/repo:http.bzl", "http_archive")
load("@bazel_tools//tools/build_defs/repo:utils.bzl", "maybe")
load("//tools/bazel/private:cc_repositories.bzl", "cc_repositories")
load("//tools/bazel/private:python_repositories.bzl", "python_repositories")
load("//tools/bazel/private:sources.bzl", "source_repositories")

def rule_set_repositories():
    """Defines platforms, bazel_skylib, rules_cc and rules_python, unless they are defined already."""
    maybe(
        http_archive,
        name = "platforms",
        integrity = "sha256-KXQuhydYCbXlmNwvBNhpYMx6VbMGfZciHJq7yZJr/w8=",
        url = "https://github.com/bazelbuild/platforms/releases/download/0.0.11/platforms-0.0.11.tar.gz",
    )
    maybe(
        http_archive,
        name = "bazel_skylib",
        integrity = "sha256-bnjw5X3iaAH29WT6fEpI3Is2hz5BYlepK7sJN+6shEY=",
        url = "https://github.com/bazelbuild/bazel-skylib/releases/download/1.8.2/bazel-skylib-1.8.2.tar.gz",
    )
    maybe(
        http_archive,
        name = "rules_cc",
        integrity = "sha256-q8YF3YUPgTuzcAS3fbIBBqGTEalrLaHJK3idpSnSj+E=",
        strip_prefix = "rules_cc-0.0.17",
        url = "https://github.com/bazelbuild/rules_cc/releases/download/0.0.17/rules_cc-0.0.17.tar.gz",
    )
    maybe(
        http_archive,
        name = "rules_python",
        integrity = "sha256-aQ4BQXJKu1aCZ+ADx7bZpUkl30DCdahwpNk0Fh3J3VM=",
        strip_prefix = "rules_python-0.40.0",
        url = "https://github.com/bazelbuild/rules_python/releases/download/0.40.0/rules_python-0.40.0.tar.gz",
    )

def aotinductor_repositories():
    """Defines the Python packages, the C++ toolchains and C libraries, and registers the toolchains."""
    python_repositories()
    cc_repositories()
    source_repositories()
    native.register_toolchains(
        "@local_python//:toolchain",
        "@cc_toolchains//:x86_64",
        "@cc_toolchains//:aarch64",
    )
