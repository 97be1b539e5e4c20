import ast
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hub_server import Repository, hub_server
from processes import PATIENCE_S

from teachtext import encoders
from teachtext.encoders.registry import build_text_encoder
from teachtext.errors import InputError

transformers = pytest.importorskip("transformers")
import torch  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

pytestmark = pytest.mark.slow

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "dog", "cat", "runs", "sleeps", "the", "red", "ball"]
TEXTS = ["a dog runs", "the cat", "a red ball the dog runs a cat sleeps the ball"]
TINY = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}


def save(folder: Path, model: Any) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    transformers.BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    model.save_pretrained(folder)
    return f"hf:{folder}"


@pytest.fixture
def bert(tmp_path: Path) -> str:
    torch.manual_seed(0)
    config = transformers.BertConfig(vocab_size=len(WORDS), max_position_embeddings=32, **TINY)
    return save(tmp_path / "bert", transformers.BertModel(config))


def test_tokens_are_the_last_hidden_states(bert: str):
    encoder = build_text_encoder(bert)
    values = encoder.encode(TEXTS)
    folder = bert.removeprefix("hf:")
    model, tokenizer = (
        transformers.AutoModel.from_pretrained(folder),
        transformers.AutoTokenizer.from_pretrained(folder),
    )
    for text, rows in zip(TEXTS, values, strict=True):
        with torch.no_grad():
            expected = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].numpy()
        assert (
            encoder.tokens
            and rows.shape == (len(text.split()) + 2, encoder.dim)
            and np.allclose(rows, expected, atol=1e-5)
        )
    assert len(encoder.encode(["dog " * 100])[0]) == 32, "cut at the positions that the model has"


def test_pooled_is_their_mean(bert: str):
    tokens, pooled = build_text_encoder(bert), build_text_encoder(f"{bert}#pooled")
    assert not pooled.tokens and tokens.settings != pooled.settings
    for rows, vector in zip(tokens.encode(TEXTS), pooled.encode(TEXTS), strict=True):
        assert vector.shape == (1, 16) and np.allclose(vector[0], rows.mean(axis=0), atol=1e-5)


def test_a_sentence_transformers_folder_pools_in_its_own_way(bert: str, tmp_path: Path):
    st = pytest.importorskip("sentence_transformers")
    from sentence_transformers.models import Pooling, Transformer

    word = Transformer(bert.removeprefix("hf:"))
    st.SentenceTransformer(modules=[word, Pooling(16, pooling_mode="cls")], device="cpu").save(str(tmp_path / "st"))
    tokens = build_text_encoder(f"hf:{tmp_path / 'st'}").encode(TEXTS)
    pooled = build_text_encoder(f"hf:{tmp_path / 'st'}#pooled")
    for rows, vector in zip(tokens, pooled.encode(TEXTS), strict=True):
        assert vector.shape == (1, 16) and np.allclose(vector[0], rows[0], atol=1e-5)
    modules = tmp_path / "st" / "modules.json"
    modules.write_text(
        json.dumps([*json.loads(modules.read_text()), {"idx": 2, "name": "2", "path": "", "type": "os.X"}])
    )
    with pytest.raises(InputError, match="run code of their own"):
        build_text_encoder(f"hf:{tmp_path / 'st'}#pooled")


def test_the_text_part_is_used_of_models_that_have_more(tmp_path: Path):
    torch.manual_seed(0)
    t5 = transformers.T5Config(vocab_size=len(WORDS), d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    text = {"vocab_size": len(WORDS), "max_position_embeddings": 16, "eos_token_id": 3, **TINY}
    clip = transformers.CLIPConfig(text_config=text, vision_config={**TINY, "image_size": 32, "patch_size": 16})
    for name, model in {"t5": transformers.T5Model(t5), "clip": transformers.CLIPModel(clip)}.items():
        values = build_text_encoder(save(tmp_path / name, model)).encode(TEXTS)
        assert [rows.shape for rows in values] == [(5, 16), (4, 16), (13, 16)]


@pytest.fixture
def gpt(tmp_path: Path) -> str:
    """A tiny causal model with a byte-level tokenizer, which knows every script."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    torch.manual_seed(0)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE({char: number for number, char in enumerate(alphabet)}, []))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=raw, eos_token=alphabet[0])
    tokenizer.save_pretrained(tmp_path / "gpt")
    config = transformers.GPT2Config(vocab_size=len(alphabet), n_positions=96, n_embd=16, n_layer=2, n_head=2)
    transformers.GPT2Model(config).save_pretrained(tmp_path / "gpt")
    return f"hf:{tmp_path / 'gpt'}"


def test_last_is_the_end_of_the_prompt(gpt: str):
    last = build_text_encoder(f"{gpt}#last")
    prompts = [f'This sentence: "{text}" means in one word:"' for text in TEXTS]
    assert not last.tokens and last.settings != build_text_encoder(f"{gpt}#pooled").settings
    folder = gpt.removeprefix("hf:")
    model, tokenizer = (
        transformers.GPT2Model.from_pretrained(folder),
        transformers.AutoTokenizer.from_pretrained(folder),
    )
    for prompt, vector in zip(prompts, last.encode(TEXTS), strict=True):
        with torch.no_grad():
            expected = model(**tokenizer(prompt, return_tensors="pt")).last_hidden_state[0, -1].numpy()
        assert vector.shape == (1, 16) and np.allclose(vector[0], expected, atol=1e-5)
    assert np.isfinite(last.encode(["dog " * 100, "\U0001f600 \u4f60\u597d"])).all(), "cut to the positions there are"
    assert np.allclose(last.encode(TEXTS)[0], last.encode(TEXTS[:1])[0], atol=1e-5)


def test_last_of_a_model_that_reads_both_ways_is_refused(bert: str):
    with pytest.raises(InputError, match=r"is not a causal language model.*write hf:.*bert#pooled"):
        build_text_encoder(f"{bert}#last")


def test_a_multilingual_sentence_model(gpt: str, tmp_path: Path):
    st = pytest.importorskip("sentence_transformers")
    from sentence_transformers.models import Pooling, Transformer

    tokenizer = transformers.AutoTokenizer.from_pretrained(gpt.removeprefix("hf:"))
    tokenizer.pad_token = tokenizer.convert_ids_to_tokens(1)
    tokenizer.save_pretrained(tmp_path / "xlm")
    config = transformers.XLMRobertaConfig(vocab_size=256, max_position_embeddings=34, pad_token_id=1, **TINY)
    transformers.XLMRobertaModel(config).save_pretrained(tmp_path / "xlm")
    word = Transformer(str(tmp_path / "xlm"))
    st.SentenceTransformer(modules=[word, Pooling(16, pooling_mode="mean")], device="cpu").save(str(tmp_path / "st"))
    texts = ["a dog", "\u72d7\u5728\u8dd1", "\u0643\u0644\u0628", "\U0001f600", "word " * 300]
    tokens = build_text_encoder(f"hf:{tmp_path / 'st'}").encode(texts)
    pooled = build_text_encoder(f"hf:{tmp_path / 'st'}#pooled").encode(texts)
    assert len(tokens[-1]) == 32, "of 34 positions RoBERTa leaves out two"
    for rows, vector in zip(tokens[:-1], pooled[:-1], strict=True):
        assert vector.shape == (1, 16) and np.allclose(vector[0], rows.mean(axis=0), atol=1e-5)


def test_settings_follow_the_weights(bert: str, tmp_path: Path):
    before = build_text_encoder(bert).settings
    assert build_text_encoder(bert).settings == before
    torch.manual_seed(1)
    config = transformers.BertConfig(vocab_size=len(WORDS), max_position_embeddings=32, **TINY)
    save(tmp_path / "bert", transformers.BertModel(config))
    assert build_text_encoder(bert).settings != before


def test_pickled_weights_are_refused(bert: str):
    folder = Path(bert.removeprefix("hf:"))
    model = transformers.AutoModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="weights in safetensors"):
        build_text_encoder(bert)


def test_pickled_weights_behind_the_network_are_refused_too(bert: str, tmp_path: Path):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    modules = sentence_transformers.models
    network = modules.Transformer(bert.removeprefix("hf:"))
    parts = [network, modules.Pooling(16), modules.Dense(16, 5)]
    sentence_transformers.SentenceTransformer(modules=parts, device="cpu").save(str(tmp_path / "whole"))
    assert build_text_encoder(f"hf:{tmp_path / 'whole'}#pooled").dim == 5
    [weights] = (tmp_path / "whole").glob("*Dense/model.safetensors")
    torch.save(parts[2].state_dict(), weights.with_name("pytorch_model.bin"))
    weights.unlink()
    with pytest.raises(InputError, match=r"pytorch_model\.bin holds pickled weights: .*safetensors"):
        build_text_encoder(f"hf:{tmp_path / 'whole'}#pooled")


@pytest.mark.parametrize("kind", ["bert", "own"])
def test_code_that_comes_with_a_model_never_runs(bert: str, tmp_path: Path, kind: str):
    """A model that names its own classes is read as one of transformers, or refused."""
    folder, sprung = Path(bert.removeprefix("hf:")), tmp_path / "sprung"
    (folder / "own.py").write_text(f"open({str(sprung)!r}, 'w').close()\n")
    for name in ("config.json", "tokenizer_config.json"):
        content = json.loads((folder / name).read_text())
        classes = {"AutoConfig": "own.Config", "AutoModel": "own.Model", "AutoTokenizer": ["own.Slow", "own.Fast"]}
        (folder / name).write_text(json.dumps(content | {"model_type": kind, "auto_map": classes}))
    for output in ("tokens", "pooled"):
        try:
            build_text_encoder(f"{bert}#{output}").encode(["a dog"])
        except InputError as error:
            assert kind == "own" and "cannot be loaded as a text model" in str(error)
    assert not sprung.exists()


def test_every_loader_is_told_to_run_no_code_and_to_unpickle_nothing():
    loaders = {"from_pretrained", "SentenceTransformer", "from_config", "pipeline"}
    calls = [
        (path.name, ast.unparse(node.func), {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords})
        for path in Path(encoders.__path__[0]).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in loaders
    ]
    assert len(calls) >= 6
    for name, function, options in calls:
        assert options.get("trust_remote_code") == "False", f"{function} in {name}"
        if "Model" in function or "Sentence" in function:
            assert "use_safetensors" in str(options), f"{function} in {name}"


@pytest.mark.parametrize("output", ["tokens", "pooled"])
def test_missing_weights_are_refused_on_the_text_side(bert: str, output: str):
    folder = Path(bert.removeprefix("hf:"))
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layer.1.output.dense.weight"], weights["pooler.dense.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"lacks encoder\.layer\.1\.output\.dense\.weight.*would be random"):
        build_text_encoder(f"{bert}#{output}")


def test_a_head_and_a_pooler_may_be_missing(bert: str, tmp_path: Path):
    torch.manual_seed(0)
    config = transformers.BertConfig(vocab_size=len(WORDS), max_position_embeddings=32, **TINY)
    spec = save(tmp_path / "words", transformers.BertForMaskedLM(config))
    assert build_text_encoder(spec).dim == 16


def test_missing_weights_of_a_sentence_transformer_are_refused(bert: str, tmp_path: Path):
    st = pytest.importorskip("sentence_transformers")
    from sentence_transformers.models import Pooling, Transformer

    word = Transformer(bert.removeprefix("hf:"))
    st.SentenceTransformer(modules=[word, Pooling(16)], device="cpu").save(str(tmp_path / "st"))
    weights = load_file(tmp_path / "st" / "model.safetensors")
    del weights["encoder.layer.0.output.dense.bias"]
    save_file(weights, tmp_path / "st" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"lacks encoder\.layer\.0\.output\.dense\.bias.*would be random"):
        build_text_encoder(f"hf:{tmp_path / 'st'}#pooled")


def test_a_folder_without_a_model_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="is not the folder of a model"):
        build_text_encoder(f"hf:{tmp_path}")
    with pytest.raises(InputError, match="is not the folder of a model"):
        build_text_encoder("hf:./no/such/folder")


def test_without_a_network_the_mend_is_told(monkeypatch: pytest.MonkeyPatch):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"no-such-model.*download the model once with a network"):
        build_text_encoder("hf:nobody/no-such-model")
    with pytest.raises(InputError, match="neither a folder nor an id"):
        build_text_encoder("hf:not an id!")


_FROM_THE_HUB = """
import sys, time, huggingface_hub, transformers  # whose import is not measured
from teachtext.encoders.text.hf import HuggingFace
from teachtext.errors import InputError
start = time.perf_counter()
try:
    print(HuggingFace(model=sys.argv[1]).dim)
except InputError as error:
    print(error)
print(time.perf_counter() - start)
"""


def from_the_hub(model: str, endpoint: str, cache: Path, **options: str) -> tuple[str, float]:
    places = {"HF_ENDPOINT": endpoint, "HF_HUB_CACHE": str(cache), "PYTHONPATH": ":".join(sys.path)}
    environment = {**os.environ, **places, **options}
    command = [sys.executable, "-c", _FROM_THE_HUB, model]
    said = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, timeout=PATIENCE_S
    ).stdout
    message, seconds = said.splitlines()[-2:]
    return message, float(seconds)


def test_a_hub_that_does_not_answer_is_told_and_a_cached_model_does_not_ask_it(bert: str, tmp_path: Path):
    repository = tmp_path / "cache" / "models--own--bert"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("c0ffee")
    shutil.copytree(bert.removeprefix("hf:"), repository / "snapshots" / "c0ffee")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        message, seconds = from_the_hub("nobody/no-such-model", endpoint, tmp_path / "cache")
        assert "neither a folder nor in the hub's cache, and the hub cannot be reached" in message and seconds < 5
        assert from_the_hub("own/bert", endpoint, tmp_path / "cache")[0] == "16"


def test_a_gated_model_is_refused_with_the_mend(tmp_path: Path):
    with hub_server() as hub:
        hub.repositories["them/clip"] = Repository(
            gated=True, commits={"c0": {"config.json": b"{}", "model.safetensors": b""}}, branches={"main": "c0"}
        )
        message, _ = from_the_hub("them/clip", hub.address, tmp_path / "cache")
    assert "the authors of the model 'them/clip' ask who uses it: accept their terms" in message


def test_offline_the_hub_is_not_asked(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as hub:
        hub.settimeout(0)
        endpoint = f"http://127.0.0.1:{hub.getsockname()[1]}"
        message, _ = from_the_hub("nobody/no-such-model", endpoint, tmp_path / "cache", HF_HUB_OFFLINE="1")
        assert "the hub cannot be reached" in message
        with pytest.raises(BlockingIOError):
            hub.accept()
