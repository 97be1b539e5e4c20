"""`teachtext evaluate --directions`: from any to any of text, video, audio and their pairs."""

import json

import numpy as np
import pytest
import yaml

from teachtext.evaluation.by_direction import DIRECTION_NAMES

pytestmark = pytest.mark.slow


def test_twelve_directions_as_a_table_and_as_json(teachtext, tmp_path):
    ids = [f"play{number:04}" for number in range(1, 25)]
    np.savez(tmp_path / "audio.npz", ids=ids, audio=np.random.default_rng(0).normal(size=(24, 8)).astype(np.float32))
    config = {
        "name": "omni",
        "method": "omni",
        "dataset": {"playground": {"videos": 24, "captions_per_video": 3}},
        "experts": ["motion", {"name": "audio", "file": "audio.npz"}],
        "teachers": [],
        "student": {"text": "wordllama"},
        "training": {"epochs": 2, "batch_size": 8},
        "seeds": [0],
        "jobs": 1,
    }
    (tmp_path / "omni.yaml").write_text(yaml.safe_dump(config))
    done = teachtext("run", "omni.yaml", cwd=tmp_path)
    assert done.returncode == 0 and "student wordllama, omni, from any to any" in done.stdout, done.stderr
    folder = tmp_path / "runs" / "omni"
    model = next((folder / "models").glob("wordllama-taught-*"))
    command = ["evaluate", model, folder / "playground", "--features", folder / "features", "--directions"]
    table = teachtext(*command).stdout
    assert all(name in table for name in (*DIRECTION_NAMES, "nDCG@10", "MRR", "answers"))
    content = json.loads(teachtext(*command, "--json").stdout)
    assert list(content["directions"]) == list(DIRECTION_NAMES)
    videos = content["directions"]["text to video"]["answers"]
    assert (
        content["directions"]["video to text"] | {"queries": videos, "answers": 3 * videos}
        == (content["directions"]["video to text"])
    )
    assert {"r1", "r5", "r10", "ndcg10", "mrr", "mdr"} <= content["directions"]["audio to text"].keys()
