"""The Triton back end: Schedule to Triton kernels. Empty until the CUDA device is compiled for.

It will hold, file by file beside `codegen/cpp`: the tiling of a group into program instances and blocks (the counterpart of
`common/axes.py`'s choices), the printing of KernelSpecs' values as Triton expressions (one entry for every name of
`ir/scalar_ops.SCALAR_OPS`), and the launch grid of each kernel. What is target independent stays in `codegen/common`: the values of
members, hoisting and common subexpressions, the order of passes over rows, arguments.
"""
