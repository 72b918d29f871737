"""What every generated CPU kernel is handed first, for Python code that calls kernels: the JIT, and tests of the code generator."""

from __future__ import annotations

import ctypes


class KernelContext(ctypes.Structure):
    """AotiKernelContext of runtime/include/aoti/kernel_context.h."""

    _fields_ = (
        ("threads", ctypes.c_void_p),
        ("scratch", ctypes.c_void_p),
        ("scratch_bytes_per_thread", ctypes.c_int64),
        ("error", ctypes.c_char_p),
        ("error_value", ctypes.c_int64),
        ("processor_features", ctypes.c_int64),
        ("tracer", ctypes.c_void_p),
    )
