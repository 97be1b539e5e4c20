"""A trained model by the number of queries: one query is the evaluation, several are fused scores."""

import json
from pathlib import Path

import numpy as np
import pytest

from teachtext.errors import InputError
from teachtext.evaluation.results import Results
from teachtext.experiment.config import RunConfig
from teachtext.experiment.evaluate import evaluate_folder
from teachtext.experiment.evaluate_queries import evaluate_by_queries
from teachtext.rewriting.file_writer import FileWriter

pytestmark = pytest.mark.slow


def test_one_query_is_the_evaluation(done: tuple[RunConfig, Results], tmp_path: Path):
    config, _ = done
    folder = config.folder
    model = next(path for path in sorted((folder / "models").iterdir()) if path.name.startswith("wordllama-seed0"))
    places = (model, folder / "playground", folder / "features")
    captions = [json.loads(line) for line in (folder / "playground" / "captions.jsonl").read_text().splitlines()]
    path = tmp_path / "texts.json"
    path.write_text(json.dumps({each["text"]: [each["text"] + " .", "a boat"] for each in captions[::2]}))
    measured = evaluate_by_queries(*places, FileWriter(path), counts=[1, 3])
    single = evaluate_folder(*places)
    assert [caption.id for caption in measured.captions] == list(single.ranks.caption_ids)
    np.testing.assert_array_equal(measured.ranked[1].ranks, single.ranks.t2v)
    alone = [len(measured.asked[caption.text]) == 1 for caption in measured.captions]
    assert 0 < sum(alone) < len(alone)
    np.testing.assert_array_equal(measured.ranked[3].ranks[alone], single.ranks.t2v[alone])
    assert any("have no written query" in note for note in measured.notes)
    assert set(measured.search_ms) == {1, 3}
    with pytest.raises(InputError, match="has no split 'nowhere'"):
        evaluate_by_queries(*places, FileWriter(path), split="nowhere")
