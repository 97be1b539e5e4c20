"""`teachtext objectives`: the part tables are the documentation."""

import json

from teachtext.learning.distillation.parts import TABLES
from teachtext.learning.distillation.presets import PRESETS


def test_every_part_choice_and_preset_is_listed_with_what_it_does(teachtext_here):
    said = teachtext_here("objectives")
    assert said.returncode == 0
    words = said.stdout.split()
    for part, table in TABLES.items():
        assert {part, *table} <= set(words)
    output = " ".join(words)
    for name in PRESETS:
        assert f" preset: {name} " in output
    for settings in ("reduction: mean_pairs", "momentum: 0.995", "with 'preset_from: code': pool: max"):
        assert settings in output


def test_as_json(teachtext_here):
    content = json.loads(teachtext_here("objectives", "--json").stdout)
    assert content["presets"]["teachtext"]["parts"]["distance"] == "huber"
    assert content["presets"]["c2kd"]["code"] == {"pool": "max", "english_weight": 2.0}
    assert {part: list(choices) for part, choices in content["parts"].items()} == {
        part: list(table) for part, table in TABLES.items()
    }
    for choices in content["parts"].values():
        for what, settings in choices.values():
            assert what.endswith(".") and "\n" not in what
            assert set(settings) <= set(content["presets"]["dcd"]["parts"])
