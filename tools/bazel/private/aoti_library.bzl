"""The rule behind aoti_cc_library: a model's code, linked to one shared library.

    shim     linked with                           the shim's functions                needs at run time
    static   runtime and lean shim                 inside, hidden                      glibc (libc, libm, libpthread, libdl)
    shared   runtime, libaoti_shim.so              in libaoti_shim.so, for all models  and that
    torch    runtime, a stub of libtorch_cpu.so    left for libtorch                   libtorch_cpu.so
"""

load("@rules_cc//cc:find_cc_toolchain.bzl", "find_cc_toolchain", "use_cc_toolchain")
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")
load("//tools/bazel:model_flags.bzl", "ISAS_OF_CPU", "MODEL_LINKOPTS")
load(":model_code.bzl", "compile", "generate")
load(":providers.bzl", "AotiExportInfo", "AotiModelInfo")

_EXPORTS = """{{
  global: AOTInductor*; aoti_model_api; {name}_api;
  local: *;
}};
"""

def _check_isa(ctx, toolchain):
    known = ISAS_OF_CPU.get(toolchain.cpu, [])
    wrong = [isa for isa in ctx.attr.isa if isa not in known]
    if wrong:
        fail("%s: isa = %s cannot be built for this platform (%s); expected some of %s" % (
            ctx.label,
            wrong,
            toolchain.cpu,
            ", ".join(known) or "nothing: no kernels exist for it",
        ))

def _model_code(ctx, toolchain, features):
    """The code to link: freshly generated and compiled, or that of the library that `model` names."""
    if AotiModelInfo in ctx.attr.model:
        base = ctx.attr.model[AotiModelInfo]
        if base.shim == "torch" and ctx.attr.shim != "torch":
            fail("%s: %s was compiled with shim = \"torch\" and may call operators that only libtorch has; expected shim = \"torch\" here too, or model = the export itself" % (ctx.label, ctx.attr.model.label))
        if base.device != ctx.attr.device:
            fail("%s: device = \"%s\", but the code of %s was compiled for \"%s\"; expected the same" % (ctx.label, ctx.attr.device, ctx.attr.model.label, base.device))
        if base.isa != ctx.attr.isa:
            fail("%s: isa = %s, but the code of %s was compiled for %s; expected the same list in the same order" % (ctx.label, ctx.attr.isa, ctx.attr.model.label, base.isa))
        if "file" in [base.weights_in, ctx.attr.weights]:
            fail("%s: weights = \"file\" names the file in compiled code, so %s cannot be linked again; expected model = the export itself" % (ctx.label, ctx.attr.model.label))
        if ctx.attr.compiler_options:
            fail("%s: compiler_options have no effect on code that %s has compiled; set them there" % (ctx.label, ctx.attr.model.label))
        return base.code
    if AotiExportInfo in ctx.attr.model:
        exported = ctx.attr.model[AotiExportInfo]
        pt2, recorded = exported.pt2, exported.recorded
    else:
        files = ctx.files.model
        pt2, recorded = files[0] if len(files) == 1 and files[0].extension == "pt2" else None, None
        if not pt2:
            fail("%s: model = %s; expected an aoti_export, a .pt2 file or another aoti_cc_library" % (ctx.label, ctx.attr.model.label))
    _check_isa(ctx, toolchain)
    made = generate(ctx, ctx.label.name, pt2)
    return struct(
        made = made,
        model_name = ctx.label.name,
        objects = compile(ctx, ctx.label.name, made, toolchain, features),
        recorded = recorded,
    )

def _link(ctx, code, toolchain, features):
    """Links lib<name>.so, which exports the model interface and nothing else."""
    exports = ctx.actions.declare_file(ctx.label.name + ".exports.map")
    ctx.actions.write(exports, _EXPORTS.format(name = code.model_name))
    flags = MODEL_LINKOPTS + [
        "-Wl,-soname,lib%s.so" % ctx.label.name,
        "-Wl,--version-script=" + exports.path,
        "-Wl,-z,defs",
        # what the link starts from: archives give only what is asked for
        "-Wl,--undefined-glob=AOTInductor*",
        "-Wl,--undefined=aoti_model_api",
        "-Wl,--undefined=%s_api" % code.model_name,
    ]
    inputs = [exports]
    contexts = [dep[CcInfo].linking_context for dep in ctx.attr.engines + ctx.attr.runtime + ctx.attr.deps]
    if ctx.attr.shim == "torch":
        # as a file and not as a dependency: no search path may lead to the stub at run time
        stub = ctx.files.shim_library[0]
        flags.append(stub.path)
        inputs.append(stub)
    else:
        contexts.append(ctx.attr.shim_library[CcInfo].linking_context)
    if ctx.attr.shim == "shared":
        flags.append("-Wl,-rpath,$ORIGIN")
    return cc_common.link(
        actions = ctx.actions,
        additional_inputs = inputs,
        cc_toolchain = toolchain,
        compilation_outputs = code.objects,
        feature_configuration = features,
        linking_contexts = contexts,
        name = ctx.label.name,
        output_type = "dynamic_library",
        user_link_flags = flags,
    ).library_to_link

def _cc_info(ctx, header, library):
    """What a cc_binary that depends on the library gets: the header, and the library with what it needs."""
    linking = cc_common.create_linking_context(linker_inputs = depset([
        cc_common.create_linker_input(libraries = depset([library]), owner = ctx.label),
    ]))
    own = CcInfo(
        compilation_context = cc_common.create_compilation_context(headers = depset([header])),
        linking_context = linking,
    )
    interface = [CcInfo(compilation_context = dep[CcInfo].compilation_context) for dep in ctx.attr.interface]
    shared = [CcInfo(linking_context = ctx.attr.shim_library[CcInfo].linking_context)] if ctx.attr.shim == "shared" else []
    return cc_common.merge_cc_infos(cc_infos = [own] + interface + shared)

def _shared_shim_files(ctx):
    """libaoti_shim.so under the names by which the library's search path finds it."""
    if ctx.attr.shim != "shared":
        return []
    files = []
    for linker_input in ctx.attr.shim_library[CcInfo].linking_context.linker_inputs.to_list():
        for library in linker_input.libraries:
            files += [file for file in [library.dynamic_library, library.resolved_symlink_dynamic_library] if file]
    return files

def _aoti_library_impl(ctx):
    toolchain = find_cc_toolchain(ctx)
    features = cc_common.configure_features(
        cc_toolchain = toolchain,
        ctx = ctx,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    code = _model_code(ctx, toolchain, features)
    linked = _link(ctx, code, toolchain, features)
    library = linked.resolved_symlink_dynamic_library or linked.dynamic_library
    made = code.made
    weights_file = [made.weights] if ctx.attr.weights == "file" else []
    return [
        DefaultInfo(
            files = depset([library, made.header] + weights_file),
            runfiles = ctx.runfiles([library] + weights_file + _shared_shim_files(ctx)),
        ),
        _cc_info(ctx, made.header, linked),
        AotiModelInfo(
            code = code,
            device = ctx.attr.device,
            header = made.header,
            isa = ctx.attr.isa,
            library = library,
            manifest = made.manifest,
            model_name = code.model_name,
            recorded = code.recorded,
            shim = ctx.attr.shim,
            sources = depset([made.wrapper, made.kernels]),
            weights = made.weights,
            weights_in = ctx.attr.weights,
        ),
        OutputGroupInfo(
            header = depset([made.header]),
            library = depset([library]),
            manifest = depset([made.manifest]),
            recorded = depset([code.recorded] if code.recorded else []),
            sources = depset([made.wrapper, made.kernels]),
            weights = depset([made.weights]),
        ),
    ]

aoti_library_rule = rule(
    implementation = _aoti_library_impl,
    doc = "See aoti_cc_library in defs.bzl.",
    attrs = {
        "compiler": attr.label(cfg = "exec", doc = "The compiler's driver.", executable = True, mandatory = True),
        "cuda_archs": attr.string_list(doc = "GPU architectures, with device = \"cuda\"."),
        "device": attr.string(default = "cpu", values = ["cpu", "cuda"]),
        "compiler_options": attr.string_list(doc = "Further flags of the compiler."),
        "deps": attr.label_list(doc = "Kernels of custom operators.", providers = [CcInfo]),
        "engines": attr.label_list(doc = "Kernel engines, one for each instruction set.", providers = [CcInfo]),
        "headers": attr.label_list(doc = "What generated kernels include.", providers = [CcInfo]),
        "interface": attr.label_list(doc = "What the generated header includes.", providers = [CcInfo]),
        "isa": attr.string_list(allow_empty = False, mandatory = True),
        "model": attr.label(allow_files = True, mandatory = True),
        "runtime": attr.label_list(doc = "The model's side of the runtime.", providers = [CcInfo]),
        "shim": attr.string(mandatory = True, values = ["static", "shared", "torch"]),
        "weights": attr.string(default = "embedded", values = ["embedded", "file"]),
        "shim_library": attr.label(doc = "What the shim's functions come from.", mandatory = True),
    },
    fragments = ["cpp"],
    provides = [CcInfo, AotiModelInfo],
    toolchains = use_cc_toolchain(),
)
