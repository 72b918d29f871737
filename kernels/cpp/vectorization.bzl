"""What the C++ compiler says of the loops in a file: which ones it made vector code of."""

load("@rules_cc//cc:action_names.bzl", "CPP_COMPILE_ACTION_NAME")
load("@rules_cc//cc:find_cc_toolchain.bzl", "find_cc_toolchain", "use_cc_toolchain")
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")

def _vectorization_remarks_impl(ctx):
    toolchain = find_cc_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    headers = cc_common.merge_compilation_contexts(
        compilation_contexts = [dep[CcInfo].compilation_context for dep in ctx.attr.deps],
    )
    variables = cc_common.create_compile_variables(
        feature_configuration = features,
        cc_toolchain = toolchain,
        user_compile_flags = ctx.attr.copts + ["-Rpass=loop-vectorize", "-Rpass-missed=loop-vectorize"],
        source_file = ctx.file.src.path,
        output_file = "/dev/null",
        include_directories = headers.includes,
        quote_include_directories = headers.quote_includes,
        system_include_directories = headers.system_includes,
    )
    output = ctx.actions.declare_file(ctx.label.name + ".remarks")
    arguments = ctx.actions.args()
    arguments.add(output)
    arguments.add(cc_common.get_tool_for_action(feature_configuration = features, action_name = CPP_COMPILE_ACTION_NAME))
    arguments.add_all(cc_common.get_memory_inefficient_command_line(
        feature_configuration = features,
        action_name = CPP_COMPILE_ACTION_NAME,
        variables = variables,
    ))
    ctx.actions.run_shell(
        command = 'out="$1"; shift; "$@" 2> "$out" || { cat "$out" >&2; exit 1; }',
        arguments = [arguments],
        env = cc_common.get_environment_variables(
            feature_configuration = features,
            action_name = CPP_COMPILE_ACTION_NAME,
            variables = variables,
        ),
        inputs = depset([ctx.file.src], transitive = [headers.headers, toolchain.all_files]),
        outputs = [output],
        mnemonic = "VectorizationRemarks",
        progress_message = "Asking the compiler about the loops of %{input}",
    )
    return [DefaultInfo(files = depset([output]))]

vectorization_remarks = rule(
    implementation = _vectorization_remarks_impl,
    doc = "Compiles `src` and keeps the compiler's remarks on its loops as NAME.remarks.",
    attrs = {
        "copts": attr.string_list(doc = "Flags of the compiler; the ISA among them."),
        "deps": attr.label_list(doc = "cc_library targets whose headers the file includes.", providers = [CcInfo]),
        "src": attr.label(doc = "The C++ file.", allow_single_file = [".cc"], mandatory = True),
    },
    fragments = ["cpp"],
    toolchains = use_cc_toolchain(),
)
