"""The rule behind aoti_export: runs the exporter on a Python file.

    model.py: build() -> (module, example arguments)   --aoti_export-->   NAME.pt2, NAME.recorded.npz
"""

load("@rules_python//python:defs.bzl", "PyInfo")
load(":providers.bzl", "AotiExportInfo")

def _import_folders(ctx):
    """Where the model file's imports are found, relative to the execution root: the workspace, then each package."""
    folders = [".", ctx.bin_dir.path]
    for path in depset(transitive = [dep[PyInfo].imports for dep in ctx.attr.deps]).to_list():
        repository, _, rest = path.partition("/")
        folders.append("external/" + path if repository != ctx.workspace_name else rest or ".")
    return folders

def _data_arguments(ctx):
    arguments = []
    for target, names in ctx.attr.data.items():
        files = target.files.to_list()
        if len(files) != 1:
            fail("%s: data %s is %d files; expected a target with exactly one" % (ctx.label, target.label, len(files)))
        arguments += ["--data=%s=%s" % (name, files[0].path) for name in names.split(",")]
    return sorted(arguments)

def _own_files(ctx):
    """What `deps` bring that the exporter has not: torch and its like are there, and Bazel warns of folders as inputs."""
    present = {file: None for file in ctx.attr._exporter[DefaultInfo].default_runfiles.files.to_list()}
    files = depset(transitive = [dep[DefaultInfo].default_runfiles.files for dep in ctx.attr.deps])
    return [file for file in files.to_list() if file not in present]

def _aoti_export_impl(ctx):
    pt2 = ctx.actions.declare_file(ctx.label.name + ".pt2")
    recorded = ctx.actions.declare_file(ctx.label.name + ".recorded.npz") if ctx.attr.recorded else None
    outputs = [pt2] + ([recorded] if recorded else [])
    arguments = ctx.actions.args()
    arguments.add(ctx.file.src)
    arguments.add("--function=" + ctx.attr.function)
    arguments.add("--output=" + pt2.path)
    if recorded:
        arguments.add("--recorded=" + recorded.path)
    arguments.add("--seed=%d" % ctx.attr.seed)
    if ctx.attr.keep_triton_ops:
        arguments.add("--keep_triton_ops")
    arguments.add_all(_data_arguments(ctx))
    ctx.actions.run(
        arguments = [arguments],
        env = {
            "HOME": "/nonexistent",
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": ":".join(_import_folders(ctx)),
        },
        executable = ctx.executable._exporter,
        inputs = [ctx.file.src] + ctx.files.data + _own_files(ctx),
        mnemonic = "AotiExport",
        outputs = outputs,
        progress_message = "Exporting %{label}",
    )
    return [
        DefaultInfo(files = depset(outputs)),
        AotiExportInfo(pt2 = pt2, recorded = recorded),
    ]

aoti_export_rule = rule(
    implementation = _aoti_export_impl,
    doc = "See aoti_export in defs.bzl.",
    attrs = {
        "data": attr.label_keyed_string_dict(allow_files = True, cfg = "exec", doc = "File -> names, with commas between."),
        "deps": attr.label_list(cfg = "exec", doc = "py_library targets.", providers = [PyInfo]),
        "function": attr.string(mandatory = True),
        "keep_triton_ops": attr.bool(mandatory = True),
        "recorded": attr.bool(mandatory = True),
        "seed": attr.int(mandatory = True),
        "src": attr.label(allow_single_file = [".py"], mandatory = True),
        "_exporter": attr.label(cfg = "exec", default = "//compiler/driver:export", executable = True),
    },
    provides = [AotiExportInfo],
)
