"""The problems that are measured: what the models of this project's tables are made of.

Enters: nothing. Leaves: problems by the name of the work they belong to. Products of the same input are merged, as the compiler does (q, k
and v; gate and up).
"""

from __future__ import annotations

from dataclasses import replace

from kernels.tuning.problems import Attention, Convolution, Problem, Product


def linear_layers() -> list[Problem]:
    """4 x (Linear 4096 + GELU), bf16."""
    return [Product("bf16", m, 4096, 4096) for m in (1, 256)]


def decoder(tokens: int) -> list[Problem]:
    """A block of width 2048 with 16 heads over 4 key heads and a feed-forward of 5632, bf16, behind a cache of 2047."""
    keys = 2048 if tokens == 1 else tokens
    return [
        Product("bf16", tokens, 3072, 2048),
        Product("bf16", tokens, 2048, 2048),
        Product("bf16", tokens, 11264, 2048),
        Product("bf16", tokens, 5632, 2048),
        Product("bf16", tokens, 2048, 5632),
        Attention("bf16", 1, 16, 4, tokens, keys, 128, causal=tokens > 1),
    ]


def vit(batch: int) -> list[Problem]:
    """ViT-B/16 in fp16: 196 patches and one token, 12 heads of 64."""
    rows = 197 * batch
    sizes = ((2304, 768), (768, 768), (3072, 768), (768, 3072))
    return [
        Product("fp16", 196 * batch, 768, 768),
        *(Product("fp16", rows, n, k) for n, k in sizes),
        Attention("fp16", batch, 12, 12, 197, 197, 64),
    ]


def long_epilogues() -> list[Problem]:
    """Those of the products above behind which a residual is added or an elementary function computed."""
    ffn_gelu = [Product("bf16", 256, 4096, 4096)]
    prefill = [Product("bf16", 512, n, k) for n, k in ((2048, 2048), (5632, 2048), (2048, 5632))]
    encoders = [
        Product("fp16", 197 * batch, n, k)
        for batch in (32, 1)
        for n, k in ((768, 768), (3072, 768), (768, 3072))
    ]
    residuals = [
        Product("fp16", batch * size * size, 4 * width, width)
        for batch in (32, 1)
        for size, width in ((56, 64), (28, 128), (14, 256), (7, 512))
    ]
    return [replace(p, long_epilogue=True) for p in (*encoders, *prefill, *ffn_gelu, *residuals)]


def resnet50(batch: int) -> list[Problem]:
    """Every different convolution of ResNet-50 (v1.5) in fp16, batch norms folded; those of 1x1 as products, and the classifier."""
    found: list[Problem] = [Convolution("fp16", batch, 224, 224, 3, 64, (7, 7), (2, 2), (3, 3))]
    channels, size = 64, 56
    for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        out = size // stride
        pixels = batch * size * size
        found += [
            Product("fp16", pixels, width, channels),
            Convolution("fp16", batch, size, size, width, width, (3, 3), (stride, stride), (1, 1)),
            Product("fp16", batch * out * out, 4 * width, width),
            Product("fp16", batch * out * out, width, 4 * width),
            Convolution("fp16", batch, out, out, width, width, (3, 3), (1, 1), (1, 1)),
        ]
        if stride == 2:
            found.append(Convolution("fp16", batch, size, size, channels, 4 * width, (1, 1), (2, 2)))
        channels, size = 4 * width, out
    return list(dict.fromkeys([*found, Product("fp16", batch, 1000, 2048)]))


def other_types() -> list[Problem]:
    """One or two of everything else the templates are for."""
    return [
        Product("fp32", 1, 4096, 4096),
        Product("fp32", 256, 4096, 4096),
        Product("fp32", 256, 4096, 4096, precision="tf32x3"),
        Product("fp32", 256, 4096, 4096, precision="tf32"),
        Product("fp8e4nv", 256, 4096, 4096),
        Product("fp16", 16, 4096, 4096),
        Product("fp16", 512, 512, 64, batches=64, b_columns=False),
        Product("bf16", 8192, 8192, 8192),
        Attention("fp16", 8, 16, 16, 2048, 2048, 128, causal=True),
        Convolution("fp16", 32, 56, 56, 1, 1, (3, 3), (1, 1), (1, 1), groups=144),
        Convolution("fp16", 32, 14, 14, 8, 8, (3, 3), (1, 1), (1, 1), groups=32),
    ]


def float32() -> list[Problem]:
    """Products of float32 models, as sums of tf32 products: 64x64 (my_model), and a small encoder's (width 384, 128 tokens)."""
    sizes = (
        (64, 64, 64),
        (128, 384, 384),
        (128, 1152, 384),
        (128, 1536, 384),
        (128, 384, 1536),
        (1024, 1024, 1024),
    )
    products = [Product("fp32", m, n, k, precision="tf32x3") for m, n, k in sizes]
    return [*products, Attention("fp32", 1, 12, 12, 128, 128, 32)]


SETS = {
    "float32": float32,
    "linear": linear_layers,
    "decode": lambda: decoder(1),
    "prefill": lambda: decoder(512),
    "vit1": lambda: vit(1),
    "vit32": lambda: vit(32),
    "resnet1": lambda: resnet50(1),
    "resnet32": lambda: resnet50(32),
    "long": long_epilogues,
    "other": other_types,
}
