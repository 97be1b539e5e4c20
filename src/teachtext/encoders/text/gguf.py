"""A language model of the Llama family, with its tokenizer, from a GGUF file.

transformers reads such files too, but goes through them four times, which takes four times as long.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGUFReader, dequantize
from numpy.typing import NDArray
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import BPE
from transformers import LlamaConfig, LlamaModel
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

_NAMES = {
    "token_embd": "embed_tokens",
    "output_norm": "norm",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_TENSOR = re.compile(r"(?:blk\.(\d+)\.)?(\w+)\.weight")


def read_llama(path: Path) -> tuple[LlamaModel, Tokenizer]:
    """Read a model, in float32 and evaluation mode, and its byte-level tokenizer, which adds no special tokens.

    Args:
        path: a GGUF file of architecture `llama` with a `smollm` tokenizer.
    """
    reader = GGUFReader(path)
    config = _config(reader)
    weights = {}
    for tensor in reader.tensors:
        layer, name = _TENSOR.fullmatch(tensor.name).groups()  # type: ignore[union-attr]
        place = _NAMES[name] if layer is None else f"layers.{layer}.{_NAMES[name]}"
        values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}.get(name)
        weights[f"{place}.weight"] = torch.from_numpy(_halves(values, heads) if heads else values)
    # on `meta`, so that no time goes into random weights
    with torch.device("meta"):
        model = LlamaModel(config)
    model.load_state_dict(weights, assign=True)
    model.rotary_emb = LlamaRotaryEmbedding(config)
    return model.eval(), _tokenizer(reader)


def _config(reader: GGUFReader) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=_field(reader, "llama.vocab_size"),
        hidden_size=_field(reader, "llama.embedding_length"),
        intermediate_size=_field(reader, "llama.feed_forward_length"),
        num_hidden_layers=_field(reader, "llama.block_count"),
        num_attention_heads=_field(reader, "llama.attention.head_count"),
        num_key_value_heads=_field(reader, "llama.attention.head_count_kv"),
        max_position_embeddings=_field(reader, "llama.context_length"),
        rms_norm_eps=_field(reader, "llama.attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": _field(reader, "llama.rope.freq_base")},
        pad_token_id=_field(reader, "tokenizer.ggml.padding_token_id"),
    )


def _tokenizer(reader: GGUFReader) -> Tokenizer:
    tokens, merges = _field(reader, "tokenizer.ggml.tokens"), _field(reader, "tokenizer.ggml.merges")
    pairs = [tuple(merge.split(" ")) for merge in merges]
    tokenizer = Tokenizer(BPE({token: number for number, token in enumerate(tokens)}, pairs))
    digits, byte_level = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, byte_level])
    return tokenizer


def _field(reader: GGUFReader, name: str) -> Any:
    return reader.fields[name].contents()


def _halves(values: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Put rotary dimensions in halves, as transformers has them; GGUF has them in pairs."""
    pairs = values.reshape(heads, len(values) // heads // 2, 2, -1)
    return np.ascontiguousarray(pairs.swapaxes(1, 2)).reshape(values.shape)
