"""The rule behind aoti_package: several compiled methods in one file.

    libprefill_aoti.so, libdecode_aoti.so, their manifests and weights   --compiler.driver.pack-->   NAME.pt2
"""

load(":providers.bzl", "AotiModelInfo")

def _aoti_package_impl(ctx):
    package = ctx.actions.declare_file(ctx.label.name + ".pt2")
    arguments = ctx.actions.args()
    arguments.add("--out=" + package.path)
    arguments.add("--shared_state=" + ",".join(ctx.attr.shared_state))
    inputs = []
    for target, method in ctx.attr.methods.items():
        info = target[AotiModelInfo]
        arguments.add("%s=%s,%s,%s" % (method, info.library.path, info.manifest.path, info.weights.path))
        inputs += [info.library, info.manifest, info.weights]
    ctx.actions.run(
        arguments = [arguments],
        env = {"HOME": "/nonexistent", "PYTHONHASHSEED": "0"},
        executable = ctx.executable._packer,
        inputs = inputs,
        mnemonic = "AotiPackage",
        outputs = [package],
        progress_message = "Packing %{label}",
    )
    return [DefaultInfo(files = depset([package]), runfiles = ctx.runfiles([package]))]

aoti_package_rule = rule(
    implementation = _aoti_package_impl,
    doc = "See aoti_package in defs.bzl.",
    attrs = {
        "methods": attr.label_keyed_string_dict(allow_empty = False, doc = "Library -> method.", providers = [AotiModelInfo]),
        "shared_state": attr.string_list(),
        "_packer": attr.label(cfg = "exec", default = "//compiler/driver:pack", executable = True),
    },
)
