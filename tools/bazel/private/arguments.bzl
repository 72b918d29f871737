"""Checks of the public macros' arguments: a wrong one is refused with a sentence that says what is expected."""

load("//tools/bazel:model_flags.bzl", "ISA_COPTS")

# Architectures that compiler/package/gpu_images.py makes code for.
_CUDA_ARCHS = ["sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120"]
_SHIMS = ["static", "shared", "torch"]
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS_AND_UNDERSCORE = "0123456789_"

def is_identifier(text):
    """Whether `text` is letters, digits and `_`, with a letter first."""
    if type(text) != type("") or not text or text[0] not in _LETTERS.elems():
        return False
    return all([letter in (_LETTERS + _DIGITS_AND_UNDERSCORE).elems() for letter in text.elems()])

def check_name(name):
    """Refuses a name that cannot be a C++ namespace."""
    if not is_identifier(name):
        fail("aoti_cc_library(name = %r): the name becomes a C++ namespace and the prefix of C functions; expected letters, digits and _, with a letter first" % name)

def check_shim(name, shim):
    """Refuses an unknown shim."""
    if shim not in _SHIMS:
        fail("aoti_cc_library(name = %r, shim = %r): expected one of %s" % (name, shim, ", ".join(["%r" % known for known in _SHIMS])))

def check_isa(name, isa):
    """Refuses an unknown or repeated instruction set, and those of two kinds of processor."""
    if isa == None:
        return
    where = "aoti_cc_library(name = %r, isa = %r)" % (name, isa)
    if type(isa) != type([]) or not isa:
        fail("%s: expected a list of instruction sets, best first: %s" % (where, ", ".join(ISA_COPTS)))
    for one in isa:
        if one not in ISA_COPTS:
            fail("%s: unknown instruction set %r; known: %s" % (where, one, ", ".join(ISA_COPTS)))
        if len([other for other in isa if other == one]) > 1:
            fail("%s: %r is named twice" % (where, one))
    if len({one.startswith("aarch64"): None for one in isa}) > 1:
        fail("%s: one library is for one kind of processor; make two targets, or leave isa out: the platform's are taken" % where)

def check_device(name, device, shim, shim_libraries):
    """Refuses an unknown device, and a shim that the device does not have."""
    if device not in shim_libraries:
        fail("aoti_cc_library(name = %r, device = %r): expected one of %s" % (name, device, ", ".join(["%r" % known for known in shim_libraries])))
    if shim not in shim_libraries[device]:
        fail("aoti_cc_library(name = %r, device = %r, shim = %r): on this device expected one of %s" % (name, device, shim, ", ".join(["%r" % known for known in shim_libraries[device]])))

def check_cuda_archs(name, device, cuda_archs):
    """Refuses unknown or repeated architectures, and any for a model that runs on the CPU."""
    if cuda_archs == None:
        return
    where = "aoti_cc_library(name = %r, cuda_archs = %r)" % (name, cuda_archs)
    if device != "cuda":
        fail("%s: expected device = \"cuda\" beside it, or no cuda_archs" % where)
    if type(cuda_archs) != type([]) or not cuda_archs:
        fail("%s: expected a list of architectures: %s" % (where, ", ".join(_CUDA_ARCHS)))
    for arch in cuda_archs:
        if arch not in _CUDA_ARCHS:
            fail("%s: unknown architecture %r; known: %s" % (where, arch, ", ".join(_CUDA_ARCHS)))
        if len([other for other in cuda_archs if other == arch]) > 1:
            fail("%s: %r is named twice" % (where, arch))

def check_data(name, data):
    """`{parameter: label}` as the rule's `{label: "parameter,..."}`; refuses what is no parameter name."""
    if type(data) != type({}):
        fail("aoti_export(name = %r, data = %r): expected a dictionary {parameter: label}" % (name, data))
    names = {}
    for parameter, label in data.items():
        if not is_identifier(parameter):
            fail("aoti_export(name = %r): data names %r, which cannot be a parameter of a Python function; expected {parameter: label}" % (name, parameter))
        names.setdefault(label, []).append(parameter)
    return {label: ",".join(parameters) for label, parameters in names.items()}
