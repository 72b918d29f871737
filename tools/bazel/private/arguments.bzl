"""Checks of the public macros' arguments: a wrong one is refused with a sentence that says what is expected.

Each check returns its sentence, so that tests can read it, and `refuse_first` fails with it.
"""

load("//tools/bazel:model_flags.bzl", "ISA_COPTS")

# Architectures that compiler/package/gpu_images.py makes code for.
_CUDA_ARCHS = ["sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120"]
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS_AND_UNDERSCORE = "0123456789_"

def is_identifier(text):
    """Whether `text` is letters, digits and `_`, with a letter first."""
    if type(text) != type("") or not text or text[0] not in _LETTERS.elems():
        return False
    return all([letter in (_LETTERS + _DIGITS_AND_UNDERSCORE).elems() for letter in text.elems()])

def refuse_first(messages):
    """Fails with the first of `messages` that is not None: the build ends before anything runs."""
    for message in messages:
        if message:
            fail(message)

def name_error(name):
    """What is wrong with a library's name, which becomes a C++ namespace; None if nothing is. So do all below."""
    if not is_identifier(name):
        return "aoti_cc_library(name = %r): the name becomes a C++ namespace and the prefix of C functions; expected letters, digits and _, with a letter first" % name
    return None

def _list_error(where, values, known, what, what_list):
    """Of a list of names: not a list, empty, an unknown one, one that is named twice."""
    if type(values) != type([]) or not values:
        return "%s: expected a list of %s: %s" % (where, what_list, ", ".join(known))
    for index, value in enumerate(values):
        if value not in known:
            return "%s: unknown %s %r; known: %s" % (where, what, value, ", ".join(known))
        if value in values[:index]:
            return "%s: %r is named twice" % (where, value)
    return None

def weights_error(name, weights):
    """An unknown place of weights."""
    if weights not in ["embedded", "file"]:
        return "aoti_cc_library(name = %r, weights = %r): expected \"embedded\" (in the library) or \"file\" (beside it)" % (name, weights)
    return None

def test_error(name, model, test):
    """A test of recorded outputs for a file, which has none."""
    if test and str(model).endswith(".pt2"):
        return "aoti_cc_library(name = %r, model = %r): a .pt2 file has no recorded outputs for %s_test; expected an aoti_export as model, or test = False" % (name, str(model), name)
    return None

def isa_error(name, isa):
    """An unknown or repeated instruction set, and those of two kinds of processor."""
    if isa == None:
        return None
    where = "aoti_cc_library(name = %r, isa = %r)" % (name, isa)
    error = _list_error(where, isa, list(ISA_COPTS), "instruction set", "instruction sets, best first")
    if not error and len({one.startswith("aarch64"): None for one in isa}) > 1:
        error = "%s: one library is for one kind of processor; make two targets, or leave isa out: the platform's are taken" % where
    return error

def device_error(name, device, shim, shim_libraries):
    """An unknown device or shim, and a shim that the device does not have."""
    if device not in shim_libraries:
        return "aoti_cc_library(name = %r, device = %r): expected one of %s" % (name, device, _quoted(shim_libraries))
    shims = {known: None for libraries in shim_libraries.values() for known in libraries}
    if shim not in shims:
        return "aoti_cc_library(name = %r, shim = %r): expected one of %s" % (name, shim, _quoted(shims))
    if shim not in shim_libraries[device]:
        return "aoti_cc_library(name = %r, device = %r, shim = %r): on this device expected one of %s" % (name, device, shim, _quoted(shim_libraries[device]))
    return None

def _quoted(names):
    return ", ".join(["%r" % name for name in names])

def cuda_archs_error(name, device, cuda_archs):
    """Unknown or repeated architectures, and any for a model that runs on the CPU."""
    if cuda_archs == None:
        return None
    where = "aoti_cc_library(name = %r, cuda_archs = %r)" % (name, cuda_archs)
    if device != "cuda":
        return "%s: expected device = \"cuda\" beside it, or no cuda_archs" % where
    return _list_error(where, cuda_archs, _CUDA_ARCHS, "architecture", "architectures")

def data_error(name, data):
    """Of an export's `data`: what is no dictionary, and a key that cannot be a parameter of a function."""
    if type(data) != type({}):
        return "aoti_export(name = %r, data = %r): expected a dictionary {parameter: label}" % (name, data)
    for parameter in data:
        if not is_identifier(parameter):
            return "aoti_export(name = %r): data names %r, which cannot be a parameter of a Python function; expected {parameter: label}" % (name, parameter)
    return None

def names_by_label(data):
    """`{parameter: label}` as the rule's `{label: "parameter,..."}`."""
    names = {}
    for parameter, label in data.items():
        names.setdefault(label, []).append(parameter)
    return {label: ",".join(parameters) for label, parameters in names.items()}
