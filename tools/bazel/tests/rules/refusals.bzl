"""Reads the sentences with which the rules and macros refuse wrong arguments, for refusals_test.py.

    analysis    targets that cannot be analysed: each one's `fail(...)`, by the target's name
    macros      {case: sentence} of the argument checks, as the macros would fail with
"""

load("//tools/bazel:defs.bzl", "SHIM_LIBRARIES")
load("//tools/bazel/private:arguments.bzl", "cuda_archs_error", "data_error", "device_error", "isa_error", "name_error", "test_error", "weights_error")

_allow_failures = transition(
    implementation = lambda settings, attr: {"//command_line_option:allow_analysis_failures": "true"},
    inputs = [],
    outputs = ["//command_line_option:allow_analysis_failures"],
)

def _refusals_impl(ctx):
    analysis = {}
    for target in ctx.attr.analysis:
        causes = target[AnalysisFailureInfo].causes.to_list() if AnalysisFailureInfo in target else []
        analysis[target.label.name] = "\n".join([cause.message for cause in causes])
    output = ctx.actions.declare_file(ctx.label.name + ".json")
    ctx.actions.write(output, json.encode_indent({"analysis": analysis, "macros": ctx.attr.macros}))
    return [DefaultInfo(files = depset([output]), runfiles = ctx.runfiles([output]))]

refusals = rule(
    implementation = _refusals_impl,
    attrs = {
        "analysis": attr.label_list(cfg = _allow_failures, doc = "Targets that are expected to fail in analysis."),
        "macros": attr.string_dict(doc = "Case -> sentence, empty where nothing was refused."),
        "_allowlist_function_transition": attr.label(default = "@bazel_tools//tools/allowlists/function_transition_allowlist"),
    },
)

def macro_refusals():
    """Case -> the sentence with which aoti_export or aoti_cc_library would fail."""
    cases = {
        "archs_empty": cuda_archs_error("m", "cuda", []),
        "archs_fine": cuda_archs_error("m", "cuda", ["sm_80", "sm_90"]),
        "archs_none": cuda_archs_error("m", "cpu", None),
        "archs_on_cpu": cuda_archs_error("m", "cpu", ["sm_90"]),
        "archs_twice": cuda_archs_error("m", "cuda", ["sm_90", "sm_90"]),
        "archs_unknown": cuda_archs_error("m", "cuda", ["sm_20"]),
        "data_fine": data_error("m", {"weights": ":file"}),
        "data_list": data_error("m", [":file"]),
        "data_no_parameter": data_error("m", {"my-weights": ":file"}),
        "device_fine": device_error("m", "cpu", "torch", SHIM_LIBRARIES),
        "device_unknown": device_error("m", "tpu", "static", SHIM_LIBRARIES),
        "isa_empty": isa_error("m", []),
        "isa_fine": isa_error("m", ["x86-64-v4", "x86-64-v3"]),
        "isa_none": isa_error("m", None),
        "isa_no_list": isa_error("m", "x86-64-v3"),
        "isa_twice": isa_error("m", ["x86-64-v3", "x86-64-v3"]),
        "isa_two_processors": isa_error("m", ["x86-64-v3", "aarch64-neon"]),
        "isa_unknown": isa_error("m", ["x86-64-v9"]),
        "name_dash": name_error("my-model"),
        "name_digit": name_error("2model"),
        "name_fine": name_error("my_model_2"),
        "shim_not_on_cuda": device_error("m", "cuda", "torch", SHIM_LIBRARIES),
        "shim_unknown": device_error("m", "cpu", "dynamic", SHIM_LIBRARIES),
        "test_of_a_file": test_error("m", "model.pt2", True),
        "test_of_a_file_off": test_error("m", "//some:model.pt2", False),
        "test_of_an_export": test_error("m", ":model_pt2", True),
        "weights_fine": weights_error("m", "file"),
        "weights_unknown": weights_error("m", "folder"),
    }
    return {case: message or "" for case, message in cases.items()}
