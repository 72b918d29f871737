"""Generates and compiles a model's code: everything that does not depend on how it is linked.

    .pt2  --compiler-->  wrapper/ kernels/ NAME.h NAME.weights.bin NAME.manifest.json  --clang-->  objects
"""

load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")
load("//tools/bazel:model_flags.bzl", "MODEL_COPTS", "isa_macro", "kernel_copts")

def generate(ctx, name, pt2):
    """Runs the compiler; returns struct(wrapper, kernels, header, images, weights, manifest) of files and folders."""
    on_gpu = ctx.attr.device == "cuda"
    made = struct(
        header = ctx.actions.declare_file(name + ".h"),
        images = ctx.actions.declare_file(name + ".images.bin") if on_gpu else None,
        kernels = ctx.actions.declare_directory(name + ".generated/kernels"),
        manifest = ctx.actions.declare_file(name + ".manifest.json"),
        weights = ctx.actions.declare_file(name + ".weights.bin"),
        wrapper = ctx.actions.declare_directory(name + ".generated/wrapper"),
    )
    arguments = ctx.actions.args()
    arguments.add(pt2)
    arguments.add("--emit=sources")
    arguments.add("--name=" + name)
    arguments.add("--shim=" + ctx.attr.shim)
    arguments.add("--isa=" + ",".join(ctx.attr.isa))
    if ctx.attr.weights != "embedded":
        arguments.add("--weights=" + ctx.attr.weights)
    if on_gpu:
        arguments.add("--device=" + ctx.attr.device)
        arguments.add("--cuda-archs=" + ",".join(ctx.attr.cuda_archs))
        arguments.add("--images-out=" + made.images.path)
    arguments.add("--header-out=" + made.header.path)
    arguments.add("--weights-out=" + made.weights.path)
    arguments.add("--manifest-out=" + made.manifest.path)
    arguments.add("--wrapper-dir=" + made.wrapper.path)
    arguments.add("--kernels-dir=" + made.kernels.path)
    arguments.add("--quiet")
    arguments.add_all(ctx.attr.compiler_options)
    ctx.actions.run(
        arguments = [arguments],
        env = {"HOME": "/nonexistent", "PYTHONHASHSEED": "0"},
        executable = ctx.executable.compiler,
        inputs = [pt2],
        mnemonic = "AotiCompile",
        outputs = [made.wrapper, made.kernels, made.header, made.weights, made.manifest] + ([made.images] if on_gpu else []),
        progress_message = "Generating code of %{label}",
    )
    return made

def compile(ctx, name, made, toolchain, features):
    """Compiles the wrapper once and the kernels once for each instruction set; returns CcCompilationOutputs."""

    def compile_folder(part, folder, flags, inputs = []):
        _, outputs = cc_common.compile(
            actions = ctx.actions,
            additional_inputs = inputs,
            cc_toolchain = toolchain,
            compilation_contexts = [dep[CcInfo].compilation_context for dep in ctx.attr.runtime + ctx.attr.headers],
            disallow_nopic_outputs = True,
            feature_configuration = features,
            name = "%s.%s" % (name, part),
            srcs = [folder],
            user_compile_flags = flags,
        )
        return outputs

    # The assembler reads weights and images (.incbin); their paths go no further.
    files = {"AOTI_WEIGHTS_FILE": made.weights}
    if made.images:
        files["AOTI_IMAGES_FILE"] = made.images
    paths = ["-D%s=\"%s\"" % (macro, file.path) for macro, file in files.items()]
    outputs = [compile_folder("wrapper", made.wrapper, MODEL_COPTS + paths, files.values())]
    for isa in [] if made.images else ctx.attr.isa:
        outputs.append(compile_folder("kernels_" + isa_macro(isa), made.kernels, kernel_copts(isa)))
    return cc_common.merge_compilation_outputs(compilation_outputs = outputs)
