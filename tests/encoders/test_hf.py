import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from teachtext.encoders.registry import build_text_encoder
from teachtext.errors import InputError

transformers = pytest.importorskip("transformers")
import torch  # noqa: E402

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
            wanted = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].numpy()
        assert (
            encoder.tokens
            and rows.shape == (len(text.split()) + 2, encoder.dim)
            and np.allclose(rows, wanted, atol=1e-5)
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


def test_a_folder_without_a_model_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="is not the folder of a model"):
        build_text_encoder(f"hf:{tmp_path}")
    with pytest.raises(InputError, match="is not the folder of a model"):
        build_text_encoder("hf:./no/such/folder")


def test_without_a_network_the_mend_is_told(monkeypatch: pytest.MonkeyPatch):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"nobody/no-such-model.*download it once with a network, or give the path"):
        build_text_encoder("hf:nobody/no-such-model")
    with pytest.raises(InputError, match="neither a folder nor an id"):
        build_text_encoder("hf:not an id!")
