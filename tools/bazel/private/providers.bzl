"""What the rules tell each other and other rules."""

AotiExportInfo = provider(
    doc = "A model exported by torch.export.",
    fields = {
        "pt2": "File: the exported program.",
        "recorded": "File or None: .npz with example inputs, eager's outputs and the float64 oracle's.",
    },
)

AotiModelInfo = provider(
    doc = "A model compiled to a shared library.",
    fields = {
        "code": "struct of the generated code, which another aoti_cc_library links without compiling it again.",
        "device": "string: cpu or cuda, where it runs.",
        "header": "File: the typed C++ and C header.",
        "isa": "list of string: the instruction sets that it holds kernels for.",
        "library": "File: the shared library.",
        "manifest": "File: JSON; signature, shapes, constants, kernels and what they were made of.",
        "model_name": "string: the C++ namespace and the prefix of the C functions.",
        "recorded": "File or None: the recorded outputs of the aoti_export that it was made of.",
        "shim": "string: static, shared or torch.",
        "sources": "depset of File: the folders with generated C++ (wrapper/ and kernels/).",
        "weights": "File: all constants, as they are embedded in the library or lie beside it.",
        "weights_in": "string: embedded or file.",
    },
)
