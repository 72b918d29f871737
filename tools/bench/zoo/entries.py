"""What is in the zoo: each model's name, family, library, and the file with its build function. Imports no torch.

ENTRIES["resnet50"] == Entry("resnet50", "convnet", "torchvision", "torchvision_models")

A build function has the model's name and returns a module with example inputs, as `compiler.driver.export` wants it; weights are
random. Images and configurations are small: what is tried is the architecture, and 2 cores should do it in an hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """`file` is a module of `tools/bench/zoo/models`."""

    name: str
    family: str
    library: str
    file: str

    def source_file(self) -> Path:
        """The Python file with the build function."""
        return Path(__file__).parent / "models" / f"{self.file}.py"

    def matches(self, wanted: str) -> bool:
        """Whether `wanted` is the model's name, family or library, or a beginning of its name."""
        return wanted in (self.family, self.library) or self.name.startswith(wanted)


# file -> library -> family -> names
_TABLE = {
    "torchvision_models": {
        "torchvision": {
            "convnet": """alexnet vgg11_bn googlenet inception_v3 squeezenet1_1 densenet121 resnet18 resnet50 resnext50_32x4d
                shufflenet_v2_x1_0 mobilenet_v2 mobilenet_v3_small mnasnet0_5 efficientnet_b0 efficientnet_v2_s regnet_y_400mf
                convnext_tiny""",
            "vision transformer": "vit_small swin_t swin_v2_t maxvit_t",
            "segmentation": "fcn_resnet50 deeplabv3_mobilenet_v3_large lraspp_mobilenet_v3_large",
            "detection": "ssdlite_heads retinanet_heads fasterrcnn_rpn",
            "video and flow": "r3d_18 s3d mvit_v2_s raft_small",
        }
    },
    "timm_models": {
        "timm": {
            "convnet": """resnest14d skresnet18 dla34 hrnet_w18_small repvgg_a0 ghostnet_100 mobilenetv4_conv_small nf_regnet_b1
                convnextv2_atto dpn68 ese_vovnet19b_dw mambaout_femto starnet_s1 fasternet_t0 inception_next_atto""",
            "vision transformer": """deit_tiny_patch16_224 cait_xxs24_224 xcit_nano_12_p16_224 crossvit_tiny_240 eva02_tiny_patch14_224
                twins_svt_small tnt_s_legacy_patch16_224 pit_ti_224 beit_small hiera_tiny_224 davit_tiny volo_small""",
            "hybrid": """mobilevit_xxs levit_128s efficientformerv2_s0 edgenext_xx_small coatnet_nano_rw_224 fastvit_t8 convit_tiny
                poolformer_s12 botnet26t_256 halonet26t lambda_resnet26t efficientvit_b0 mvitv2_tiny focalnet_tiny_srf""",
            "mlp": "mixer_s32_224 resmlp_12_224 gmlp_ti16_224 sequencer2d_s",
        }
    },
    "transformers_text": {
        "transformers": {
            "encoder": """bert roberta distilbert albert electra deberta_v2 mpnet mobilebert squeezebert convbert fnet funnel modernbert
                xlnet big_bird""",
            "decoder": """gpt2 gpt_neo gpt_neox gptj opt bloom llama mistral qwen2 qwen3 gemma gemma2 phi phi3 falcon stablelm olmo2
                cohere mpt starcoder2""",
            "mixture of experts": "mixtral qwen2_moe olmoe",
            "state space": "mamba mamba2 falcon_mamba rwkv recurrent_gemma",
            "encoder-decoder": "t5 bart pegasus marian m2m_100 prophetnet",
        }
    },
    "transformers_other": {
        "transformers": {
            "speech": "whisper wav2vec2 hubert wavlm sew speech_to_text audio_spectrogram",
            "detection": "detr yolos",
            "segmentation": "segformer dpt sam_mask_decoder",
            "vision transformer": "dinov2 swin cvt mobilevit_segmentation",
            "text and images": "clip siglip blip layoutlm",
            "time series": "patchtst",
        }
    },
    "transformers_restated": {
        "transformers": {
            "encoder": "nystromformer longformer",
            "encoder-decoder": "led",
            "mixture of experts": "switch_transformers",
            "speech": "encodec mimi",
            "text and images": "vilt",
            "time series": "autoformer",
        }
    },
    "diffusers_models": {
        "diffusers": {"diffusion": "unet_2d unet_2d_condition autoencoder_kl dit flux pixart"},
    },
    "graph_models": {
        "torch_geometric": {"graph": "gcn gat graph_sage gin"},
    },
    "plain_models": {
        "torch": {
            "recurrent": "lstm bidirectional_lstm gru lstm_translator deep_speech",
            "sequence": "torch_transformer wavenet",
            "recommendation": "dlrm deepfm sasrec two_tower",
        },
    },
}


def _entries() -> Iterator[Entry]:
    for file, libraries in _TABLE.items():
        for library, families in libraries.items():
            for family, names in families.items():
                yield from (Entry(name, family, library, file) for name in names.split())


ENTRIES = {entry.name: entry for entry in _entries()}
