"""Settings by which the private Bazel finds Debian's rule sets where others ask the Bazel Central Registry.

MODULE.bazel and WORKSPACE name the versions of the public registry; an override ignores them. The private Bazel gets
one of two files: `modules.bazelrc` (bzlmod) or `workspace.bazelrc` (--noenable_bzlmod --enable_workspace).
"""

from __future__ import annotations

from pathlib import Path

# Module -> its folder in the package's install/ tree
DEBIAN_MODULES = {
    "bazel_features": "tools/features",
    "bazel_skylib": "tools/skylib",
    "platforms": "tools/platforms",
    "rules_cc": "rules/cc",
    "rules_java": "rules/java",
    "rules_license": "rules/license",
    "rules_proto": "rules/proto",
    "rules_python": "rules/python",
}
# Modules that Bazel's own tools name for things that this project never builds (Java, protocol buffers, macOS): empty
UNUSED_MODULES = ("apple_support", "buildozer", "protobuf", "zlib")
# The repositories that WORKSPACE needs (bazel_tools carries the rest)
WORKSPACE_REPOSITORIES = (
    "bazel_features",
    "bazel_skylib",
    "platforms",
    "rules_cc",
    "rules_java",
    "rules_license",
    "rules_proto",
    "rules_python",
)

BUILDOZER_EXTENSION = '''"""Stands for the buildozer binary, which nothing in this workspace runs."""

def _binary_impl(ctx):
    ctx.file("BUILD.bazel", "exports_files([\\"buildozer.exe\\"])")
    ctx.file("buildozer.exe", "#!/bin/sh\\necho buildozer is not part of the private Bazel >&2\\nexit 1\\n")

_binary = repository_rule(_binary_impl)

def _extension_impl(_ctx):
    _binary(name = "buildozer_binary")

buildozer_binary = module_extension(_extension_impl)
'''


def write_settings(staged: Path, home: Path) -> None:
    """Writes the two rc files and the empty modules into `staged`, with paths as they will be under `home`."""
    for name in UNUSED_MODULES:
        folder = staged / "unused" / name
        folder.mkdir(parents=True)
        (folder / "MODULE.bazel").write_text(f'module(name = "{name}")\n')
        (folder / "BUILD.bazel").touch()
    (staged / "unused/buildozer/buildozer_binary.bzl").write_text(BUILDOZER_EXTENSION)
    (staged / "registry/modules").mkdir(parents=True)
    (staged / "registry/bazel_registry.json").write_text("{}\n")

    modules = [
        "common --noenable_workspace",
        "common --lockfile_mode=off",
        f"common --registry=file://{home}/registry",
    ]
    modules += [
        f"common --override_module={name}={home}/install/{path}" for name, path in DEBIAN_MODULES.items()
    ]
    modules += [f"common --override_module={name}={home}/unused/{name}" for name in UNUSED_MODULES]
    (staged / "modules.bazelrc").write_text("\n".join(modules) + "\n")

    workspace = [
        f"common --override_repository={name}={home}/install/{DEBIAN_MODULES[name]}"
        for name in WORKSPACE_REPOSITORIES
    ]
    (staged / "workspace.bazelrc").write_text("\n".join(workspace) + "\n")
