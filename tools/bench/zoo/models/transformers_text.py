"""Text models of transformers in small configurations with random weights: getattr(module, "bert")() -> example.

Each is called as its users call it: token numbers and a mask by keyword. The mask hides the last places, so that it is not without effect.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from typing import Any

import torch

Example = dict[str, Any]

WORDS, PLACES, BATCH = 512, 32, 2

# The names by which most configurations call the same numbers.
_ENCODER = dict(
    vocab_size=WORDS, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128, max_position_embeddings=64
)  # fmt: skip
_DECODER = {**_ENCODER, "num_key_value_heads": 2, "use_cache": False, "pad_token_id": 0}
# Experts by batched products: by default they are an operator of transformers' own, without a kernel outside of Python.
_EXPERTS = {**_DECODER, "experts_implementation": "batched_mm"}
_SEQ2SEQ = dict(
    vocab_size=WORDS, d_model=64, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4,
    encoder_ffn_dim=128, decoder_ffn_dim=128, max_position_embeddings=64, use_cache=False, pad_token_id=0, decoder_start_token_id=1,
)  # fmt: skip

# name -> (configuration, model, fields of the configuration)
_ENCODERS: dict[str, tuple[str, str, Mapping[str, Any]]] = {
    "bert": ("BertConfig", "BertModel", _ENCODER),
    "roberta": ("RobertaConfig", "RobertaForMaskedLM", {**_ENCODER, "max_position_embeddings": 66}),
    "distilbert": ("DistilBertConfig", "DistilBertForSequenceClassification",
                   dict(vocab_size=WORDS, dim=64, n_layers=2, n_heads=4, hidden_dim=128, max_position_embeddings=64)),
    "albert": ("AlbertConfig", "AlbertModel", {**_ENCODER, "embedding_size": 32}),
    "electra": ("ElectraConfig", "ElectraForPreTraining", {**_ENCODER, "embedding_size": 32}),
    "deberta_v2": ("DebertaV2Config", "DebertaV2Model",
                   {**_ENCODER, "relative_attention": True, "position_buckets": 16, "pos_att_type": ["p2c", "c2p"], "share_att_key": True}),
    "mpnet": ("MPNetConfig", "MPNetModel", {**_ENCODER, "max_position_embeddings": 66}),
    "mobilebert": ("MobileBertConfig", "MobileBertModel",
                   {**_ENCODER, "embedding_size": 32, "intra_bottleneck_size": 32, "num_feedforward_networks": 2}),
    "squeezebert": ("SqueezeBertConfig", "SqueezeBertModel", {**_ENCODER, "embedding_size": 64}),
    "convbert": ("ConvBertConfig", "ConvBertModel", {**_ENCODER, "embedding_size": 32, "head_ratio": 2}),
    "fnet": ("FNetConfig", "FNetModel", _ENCODER),
    "funnel": ("FunnelConfig", "FunnelModel",
               dict(vocab_size=WORDS, d_model=64, d_head=16, d_inner=128, n_head=4, block_sizes=[1, 1], num_decoder_layers=1)),
    "modernbert": ("ModernBertConfig", "ModernBertModel", {**_ENCODER, "pad_token_id": 0, "local_attention": 16}),
    "xlnet": ("XLNetConfig", "XLNetModel", dict(vocab_size=WORDS, d_model=64, n_layer=2, n_head=4, d_inner=128)),
    "big_bird": ("BigBirdConfig", "BigBirdModel", {**_ENCODER, "attention_type": "original_full"}),
}  # fmt: skip

_DECODERS: dict[str, tuple[str, str, Mapping[str, Any]]] = {
    "gpt2": ("GPT2Config", "GPT2LMHeadModel", dict(vocab_size=WORDS, n_embd=64, n_layer=2, n_head=4, n_positions=64, use_cache=False)),
    "gpt_neo": ("GPTNeoConfig", "GPTNeoForCausalLM",
                dict(vocab_size=WORDS, hidden_size=64, num_layers=2, num_heads=4, attention_types=[[["global", "local"], 1]],
                     window_size=8, max_position_embeddings=64, use_cache=False)),
    "gpt_neox": ("GPTNeoXConfig", "GPTNeoXForCausalLM", {**_ENCODER, "use_cache": False}),
    "gptj": ("GPTJConfig", "GPTJForCausalLM",
             dict(vocab_size=WORDS, n_embd=64, n_layer=2, n_head=4, n_positions=64, rotary_dim=8, use_cache=False)),
    "opt": ("OPTConfig", "OPTForCausalLM",
            dict(vocab_size=WORDS, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, ffn_dim=128, word_embed_proj_dim=64,
                 max_position_embeddings=64, use_cache=False)),
    "bloom": ("BloomConfig", "BloomForCausalLM", dict(vocab_size=WORDS, hidden_size=64, n_layer=2, n_head=4, use_cache=False)),
    "llama": ("LlamaConfig", "LlamaForCausalLM", _DECODER),
    "mistral": ("MistralConfig", "MistralForCausalLM", {**_DECODER, "sliding_window": 8}),
    "qwen2": ("Qwen2Config", "Qwen2ForCausalLM", _DECODER),
    "qwen3": ("Qwen3Config", "Qwen3ForCausalLM", {**_DECODER, "head_dim": 16}),
    "gemma": ("GemmaConfig", "GemmaForCausalLM", {**_DECODER, "head_dim": 16}),
    "gemma2": ("Gemma2Config", "Gemma2ForCausalLM", {**_DECODER, "head_dim": 16, "sliding_window": 8}),
    "phi": ("PhiConfig", "PhiForCausalLM", _DECODER),
    "phi3": ("Phi3Config", "Phi3ForCausalLM", _DECODER),
    "falcon": ("FalconConfig", "FalconForCausalLM", dict(vocab_size=WORDS, hidden_size=64, num_hidden_layers=2,
                                                         num_attention_heads=4, use_cache=False)),
    "stablelm": ("StableLmConfig", "StableLmForCausalLM", _DECODER),
    "olmo2": ("Olmo2Config", "Olmo2ForCausalLM", _DECODER),
    "cohere": ("CohereConfig", "CohereForCausalLM", _DECODER),
    "mpt": ("MptConfig", "MptForCausalLM", dict(vocab_size=WORDS, d_model=64, n_layers=2, n_heads=4, max_seq_len=64, use_cache=False)),
    "starcoder2": ("Starcoder2Config", "Starcoder2ForCausalLM", _DECODER),
    "mixtral": ("MixtralConfig", "MixtralForCausalLM", {**_EXPERTS, "num_local_experts": 4}),
    "qwen2_moe": ("Qwen2MoeConfig", "Qwen2MoeForCausalLM",
                  {**_EXPERTS, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 64,
                   "shared_expert_intermediate_size": 64}),
    "olmoe": ("OlmoeConfig", "OlmoeForCausalLM", {**_EXPERTS, "num_experts": 4, "num_experts_per_tok": 2}),
    "recurrent_gemma": ("RecurrentGemmaConfig", "RecurrentGemmaForCausalLM", {**_DECODER, "num_hidden_layers": 3, "head_dim": 16,
                                                            "lru_width": 64, "attention_window_size": 8}),
}  # fmt: skip

# These are called without a mask: their memory is a state.
_UNMASKED: dict[str, tuple[str, str, Mapping[str, Any]]] = {
    "mamba": ("MambaConfig", "MambaForCausalLM", dict(vocab_size=WORDS, hidden_size=64, num_hidden_layers=2, state_size=8,
                                                      use_cache=False)),
    "mamba2": ("Mamba2Config", "Mamba2ForCausalLM",
               dict(vocab_size=WORDS, hidden_size=64, num_hidden_layers=2, state_size=16, head_dim=16, num_heads=8, n_groups=2,
                    chunk_size=16, use_cache=False)),
    "falcon_mamba": ("FalconMambaConfig", "FalconMambaForCausalLM", dict(vocab_size=WORDS, hidden_size=64, num_hidden_layers=2,
                                                            state_size=8, use_cache=False)),
    "rwkv": ("RwkvConfig", "RwkvForCausalLM", dict(vocab_size=WORDS, hidden_size=64, num_hidden_layers=2, attention_hidden_size=64,
                                                   intermediate_size=128, use_cache=False)),
}  # fmt: skip

_SEQ2SEQS: dict[str, tuple[str, str, Mapping[str, Any]]] = {
    "t5": ("T5Config", "T5ForConditionalGeneration",
           dict(vocab_size=WORDS, d_model=64, d_kv=16, d_ff=128, num_layers=2, num_heads=4, decoder_start_token_id=0, use_cache=False)),
    "bart": ("BartConfig", "BartForConditionalGeneration", _SEQ2SEQ),
    "pegasus": ("PegasusConfig", "PegasusForConditionalGeneration", _SEQ2SEQ),
    "marian": ("MarianConfig", "MarianMTModel", {**_SEQ2SEQ, "decoder_vocab_size": WORDS}),
    "m2m_100": ("M2M100Config", "M2M100ForConditionalGeneration", _SEQ2SEQ),
    "prophetnet": ("ProphetNetConfig", "ProphetNetModel",
                   dict(vocab_size=WORDS, hidden_size=64, num_encoder_layers=2, num_decoder_layers=2, num_encoder_attention_heads=4,
                        num_decoder_attention_heads=4, encoder_ffn_dim=128, decoder_ffn_dim=128, max_position_embeddings=64,
                        use_cache=False)),
}  # fmt: skip

_MASKED = {**_ENCODERS, **_DECODERS}


def __getattr__(name: str) -> Callable[[], Example]:
    if name in _MASKED:
        return functools.partial(_example, _MASKED[name], ("input_ids", "attention_mask"))
    if name in _UNMASKED:
        return functools.partial(_example, _UNMASKED[name], ("input_ids",))
    if name in _SEQ2SEQS:
        return functools.partial(
            _example, _SEQ2SEQS[name], ("input_ids", "attention_mask", "decoder_input_ids")
        )
    raise AttributeError(f"no model {name}")


def make(config: str, model: str, fields: Mapping[str, Any]) -> Any:
    """The model of a configuration, both named as transformers exports them."""
    transformers = importlib.import_module("transformers")
    return getattr(transformers, model)(getattr(transformers, config)(**fields))


def _example(row: tuple[str, str, Mapping[str, Any]], arguments: tuple[str, ...]) -> Example:
    mask = torch.ones(BATCH, PLACES, dtype=torch.int64)
    mask[1, -5:] = 0
    inputs = {
        "input_ids": torch.randint(2, WORDS, (BATCH, PLACES)),
        "attention_mask": mask,
        "decoder_input_ids": torch.randint(2, WORDS, (BATCH, 12)),
    }
    return {"module": make(*row), "args": (), "kwargs": {name: inputs[name] for name in arguments}}
