"""Bazel rules of AOTInductor: from a Python file with a PyTorch model to a C++ library.

    load("//tools/bazel:defs.bzl", "aoti_cc_library", "aoti_export")

    aoti_export(
        name = "my_model_pt2",
        src = "my_model.py",       # build() returns (module, (x, y))
    )

    aoti_cc_library(
        name = "my_model_aoti",
        model = ":my_model_pt2",
    )

    cc_binary(
        name = "program",
        srcs = ["program.cc"],     # #include "models/my_model_aoti.h"
        deps = [":my_model_aoti"],
    )

    bazel build //models:my_model_aoti            libmy_model_aoti.so and my_model_aoti.h
    bazel test //models:my_model_aoti_test        its numbers against eager PyTorch's
    bazel run //models:my_model_aoti_benchmark    its speed
"""

load("@rules_cc//cc:defs.bzl", "cc_binary")
load("//tools/bazel/private:aoti_export.bzl", "aoti_export_rule")
load("//tools/bazel/private:aoti_library.bzl", "aoti_library_rule")
load("//tools/bazel/private:aoti_package.bzl", "aoti_package_rule")
load("//tools/bazel/private:arguments.bzl", "cuda_archs_error", "data_error", "device_error", "isa_error", "name_error", "names_by_label", "refuse_first", "test_error", "weights_error")
load("//tools/bazel/private:providers.bzl", _AotiExportInfo = "AotiExportInfo", _AotiModelInfo = "AotiModelInfo")
load(":model_flags.bzl", "isa_macro")
load(":py.bzl", "aoti_py_test")

AotiExportInfo = _AotiExportInfo
AotiModelInfo = _AotiModelInfo

_DEFAULT_ISA = {
    "@platforms//cpu:aarch64": ["aarch64-neon"],
    "//conditions:default": ["x86-64-v4", "x86-64-v3"],
}

# Device -> flavour -> what the shim's functions are linked from.
SHIM_LIBRARIES = {
    "cpu": {
        "shared": Label("//shim:aoti_shim"),
        "static": Label("//shim:shim_static"),
        "torch": Label("//shim:libtorch_stub_file"),
    },
    "cuda": {
        "static": Label("//shim:shim_cuda_static"),
    },
}

# The compiler with Triton beside it, fetched only where a model is for a GPU.
_COMPILERS = {
    "cpu": Label("//compiler/driver:aoti"),
    "cuda": Label("//compiler/driver:aoti_cuda"),
}

_DEFAULT_CUDA_ARCHS = ["sm_80", "sm_90", "sm_100"]

def aoti_export(name, src, function = "build", seed = 0, data = {}, deps = [], recorded = True, keep_triton_ops = False, **kwargs):
    """Exports a PyTorch model with torch.export: NAME.pt2, and NAME.recorded.npz with outputs for tests.

    The same inputs give the same bytes: random generators are seeded before the function is called, and it runs in the
    sandbox with no network.

    Args:
      name: the target's name and that of its files.
      src: a Python file with a function that returns the module and its example inputs, as
        `(module, args)`, or a dict or an object with `module`, `args` and optionally `kwargs` and `dynamic_shapes`.
      function: that function's name.
      seed: what the random generators start from.
      data: files that the function takes, as {parameter: label}: `{"weights": "//my:weights.bin"}`; it gets their paths.
      deps: py_library targets that `src` imports, other than torch and numpy.
      recorded: whether to run the model and keep its outputs; False for one that runs on a GPU only, because it has Triton kernels of
        its own: a library of it takes `test = False`.
      keep_triton_ops: whether operators of torch.library.triton_op stay custom operators, for a library on the CPU with C or C++ kernels
        of theirs; otherwise the Triton kernels that they are made of are compiled, for a GPU.
      **kwargs: `visibility`, `tags` and what else every rule knows.
    """
    refuse_first([data_error(name, data)])
    aoti_export_rule(
        name = name,
        data = names_by_label(data),
        deps = deps,
        function = function,
        keep_triton_ops = keep_triton_ops,
        recorded = recorded,
        seed = seed,
        src = src,
        **kwargs
    )

def aoti_cc_library(
        name,
        model,
        shim = "static",
        device = "cpu",
        cuda_archs = None,
        isa = None,
        weights = "embedded",
        compiler_options = [],
        test = True,
        test_size = "medium",
        benchmark = True,
        deps = [],
        tags = [],
        visibility = None,
        **kwargs):
    """Compiles a model to lib<NAME>.so with the header <NAME>.h; any cc_binary or cc_library can depend on it.

    Makes also `<NAME>_test`, which holds the library's outputs against those recorded from eager PyTorch at export, and
    `<NAME>_benchmark`, a program that measures it. Other rules read AotiModelInfo (manifest, weights, library);
    `--output_groups=sources,manifest,weights` builds those files.

    Args:
      name: the target's name, also the C++ namespace and the prefix of the C functions: letters, digits and `_`, with a
        letter first.
      model: an aoti_export, a .pt2 file, or another aoti_cc_library: then its compiled code is linked once more with this
        `shim`, and nothing is compiled again.
      shim: where the functions of PyTorch's C ABI come from. "static": inside the library, hidden; it needs glibc
        only (libc, libm, libpthread, libdl). "shared": libaoti_shim.so, which many models share. "torch": the libtorch
        of the process that loads the library; an operator without a lowering or a linked kernel is called there
        (compiler/lowering/fallback.py).
      device: where the model runs: "cpu" or "cuda". The build needs no GPU; the library finds NVIDIA's driver when it is
        loaded, and says so where there is none. NAME_test and NAME_benchmark then need a GPU (tags "gpu" and "manual").
      cuda_archs: with device = "cuda": architectures to make machine code for, as a list; later ones compile the PTX of
        the lowest when they load it. Default: ["sm_80", "sm_90", "sm_100"].
      isa: instruction sets to build kernels for, as a list, best first; the best one that the processor has is chosen
        at load. Known: "x86-64-v4", "x86-64-v3"; "aarch64-neon". Default: all those of the platform.
      weights: where the constants are: "embedded" in the library; "file", NAME.weights.bin beside it, which aoti_package
        puts into a package. "file" needs model = the export itself.
      compiler_options: further flags of the compiler (`bazel run //compiler/driver:aoti -- --help` lists them).
      test: whether to make <NAME>_test; False for a .pt2 file, which has no recorded outputs.
      test_size: Bazel's size of that test.
      benchmark: whether to make <NAME>_benchmark.
      deps: cc_library targets with kernels for the model's custom operators (aoti/custom_op.h), each with alwayslink = True.
      tags: of all targets that are made.
      visibility: of the library and of <NAME>_benchmark.
      **kwargs: what else every rule knows.
    """
    refuse_first([
        name_error(name),
        device_error(name, device, shim, SHIM_LIBRARIES),
        isa_error(name, isa),
        cuda_archs_error(name, device, cuda_archs),
        weights_error(name, weights),
        test_error(name, model, test),
    ])
    on_gpu = device == "cuda"
    test_tags = tags + (["gpu", "manual"] if on_gpu else [])
    isa_choices = _DEFAULT_ISA if isa == None else {"//conditions:default": isa}
    aoti_library_rule(
        name = name,
        compiler = _COMPILERS[device],
        compiler_options = compiler_options,
        cuda_archs = (cuda_archs or _DEFAULT_CUDA_ARCHS) if on_gpu else [],
        deps = deps,
        device = device,
        engines = [] if on_gpu else select({
            condition: [Label("//kernels/cpp:engine_" + isa_macro(one)) for one in choice]
            for condition, choice in isa_choices.items()
        }),
        headers = [Label("//kernels/cpp:kernels")],
        interface = [Label("//runtime:headers")],
        isa = select(isa_choices),
        model = model,
        runtime = [Label("//runtime/model"), Label("//shim:ops")] + ([Label("//runtime/cuda")] if on_gpu else []) +
                  ([Label("//shim:torch_dispatcher")] if shim == "torch" else []),
        shim = shim,
        shim_library = SHIM_LIBRARIES[device][shim],
        tags = tags,
        visibility = visibility,
        weights = weights,
        **kwargs
    )
    if test:
        _recorded_test(name, shim, test_size, test_tags)
    if benchmark:
        cc_binary(
            name = name + "_benchmark",
            args = ["--library=$(rootpath :%s.library)" % name],
            data = [":" + name, ":%s.library" % name],
            tags = tags + ["manual"],
            visibility = visibility,
            deps = [Label("//tools/bench:benchmark_main")],
        )
    if test or benchmark:
        _output(name, "library", tags)

def aoti_package(name, methods, shared_state = [], **kwargs):
    """Puts compiled methods into one file, NAME.pt2, in which equal constants are stored once.

        aoti_package(
            name = "decoder",
            methods = {"prefill": ":prefill_aoti", "decode": ":decode_aoti"},   # with weights = "file"
            shared_state = ["cache.keys", "cache.values"],
        )

    A program opens it with //runtime/package:package (C++) or aoti_runtime.load_package (Python): nothing is unpacked.

    Args:
      name: the target's name and the file's.
      methods: the methods' names and their libraries, as {method: aoti_cc_library}.
      shared_state: names of buffers that runs change and that all methods which have them share in a session.
      **kwargs: `visibility`, `tags` and what else every rule knows.
    """
    aoti_package_rule(
        name = name,
        methods = {library: method for method, library in methods.items()},
        shared_state = shared_state,
        **kwargs
    )

def _output(name, group, tags):
    native.filegroup(
        name = "%s.%s" % (name, group),
        srcs = [":" + name],
        output_group = group,
        tags = tags + ["manual"],
        visibility = ["//visibility:private"],
    )

def _recorded_test(name, shim, size, tags):
    _output(name, "recorded", tags)
    aoti_py_test(
        name = name + "_test",
        size = size,
        srcs = [Label("//tests/harness:recorded_test.py")],
        data = [":" + name, ":%s.library" % name, ":%s.recorded" % name],
        env = {
            "AOTI_RECORDED": "$(rootpath :%s.recorded)" % name,
            "AOTI_RECORDED_LIBRARY": "$(rootpath :%s.library)" % name,
            "AOTI_RECORDED_SHIM": shim,
        },
        tags = tags,
        deps = [
            Label("//runtime/bindings:aoti_runtime"),
            Label("//tests/harness:recorded_inputs"),
            "@pysite//:numpy",
        ] + (["@pysite//:torch"] if shim == "torch" else []),
    )
