import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from teachtext.errors import InputError
from teachtext.evaluation.compare import effects_of
from teachtext.evaluation.metrics import METRIC_NAMES
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.result_rows import DIRECTIONS, Row, SeedResult
from teachtext.evaluation.result_rows import TestedOn as SplitTested  # pytest collects names in Test*
from teachtext.evaluation.results import Results, verdict_of
from teachtext.evaluation.significance import Difference, compare
from teachtext.evaluation.ties import Ties
from teachtext.reports.figures import looks
from teachtext.reports.results_tables import effect_cells, results_table, row_cells, seeds_table
from teachtext.reports.sentences import effect_sentence, notes, row_name, ties_sentences, trained_text
from teachtext.reports.tables import number, signed

TESTED = SplitTested(
    dataset="MSVD",
    split="test",
    videos=171,
    listed_videos=171,
    queries=1855,
    train_videos=100,
    selection_videos=20,
    generated=False,
    notes=[],
)


def seed_result(seed, geometric_mean, median_rank):
    metrics = dict.fromkeys(METRIC_NAMES, geometric_mean) | {"mdr": median_rank, "mnr": 2 * median_rank}
    return SeedResult(seed=seed, model=f"models/{seed}", best_epoch=seed + 3, t2v=metrics, v2t=metrics)


def row(label, role, encoder, values, median_ranks=None):
    ranks = median_ranks or [10.0] * len(values)
    seeds = [seed_result(seed, *item) for seed, item in enumerate(zip(values, ranks, strict=True))]
    experts = ["audio", "rgb"]
    return Row(label=label, role=role, text_encoder=encoder, experts=experts, parameters=7, seeds=seeds, tested=TESTED)


def results(*rows, generated=False, effects=None):
    tested = TESTED.model_copy(update={"generated": generated})
    rows = [row.model_copy(update={"tested": tested}) for row in rows]
    seeds = [seed.seed for seed in rows[0].seeds]
    return Results(name="run", seeds=seeds, rows=rows, effects=effects or {}, config={}, versions={})


def difference(low, high, metric="geometric_mean", seeds=3):
    value = (low + high) / 2
    return Difference(metric, value, low, high, 0.95, 171, 1855, seeds, p=0.5, p_interval=0.5)


def geometric(item):
    return {"t2v": {"geometric_mean": item}}


def ranks_of(random, mean):
    """Ranks of three captions of each of twenty videos."""
    return QueryRanks(
        t2v=np.floor(random.exponential(mean, 60)),
        v2t=np.floor(random.exponential(mean, 20)),
        top=np.zeros((60, 1), np.int64),
        top_scores=np.zeros((60, 1), np.float32),
        weights=np.ones((60, 1), np.float32),
        video_of=np.repeat(np.arange(20), 3),
        caption_ids=[f"c{number}" for number in range(60)],
        video_ids=[f"v{number}" for number in range(20)],
        experts=["rgb"],
    )


ALONE = row("student alone", "student", "glove", [20.0, 21.0, 22.0], [12.0, 12.0, 12.0])


def taught(*gains):
    values = [20.0 + gains[0], 21.0 + gains[1], 22.0 + gains[2]]
    return row("student, TeachText", "taught", "glove", values, [11.0, 11.0, 10.0])


TEACHERS = (
    row("teacher minilm", "teacher", "minilm", [24.0, 25.0, 26.0], [9.0, 9.0, 9.0]),
    row("teacher [bold]use", "teacher", "use", [19.0, 19.0, 20.0], [13.0, 14.0, 15.0]),
)


def printed(table, width=140):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system="standard")
    console.print(table.rich())
    return console.file.getvalue()


def plain(table, width=140):
    console = Console(file=io.StringIO(), width=width)
    console.print(table.rich())
    return console.file.getvalue()


def test_the_sentence_names_the_objective():
    def sentence(config):
        return effect_sentence(results(ALONE, taught(1.9, 0.7, -0.2)).model_copy(update={"config": config}))

    assert sentence({}).startswith("TeachText changes the student's")
    assert sentence({"distillation": {"preset": "teachtext"}}).startswith("TeachText changes the student's")
    assert sentence({"distillation": {"preset": "c2kd"}}).startswith("The objective 'c2kd' changes the student's")
    omni = {"distillation": None, "any_to_any": {"preset_from": "paper"}}
    assert sentence(omni).startswith("The objective 'omni' changes the student's")
    gqe = {"distillation": None, "captioning": {"captioner": "playground"}}
    assert sentence(gqe).startswith("GQE changes the student's")


def test_cells_hold_mean_and_sample_std():
    cells = row_cells([*TEACHERS, ALONE], "t2v", [*METRIC_NAMES])
    assert cells[0][0].text == "25.0 (1.0)"
    assert cells[1][0].std == number(np.std([19.0, 19.0, 20.0], ddof=1)) == "0.6"


def test_best_mean_is_marked_lower_for_ranks():
    cells = row_cells([*TEACHERS, ALONE], "t2v", [*METRIC_NAMES])
    for place in range(len(METRIC_NAMES)):
        assert [line[place].best for line in cells] == [True, False, False]


def test_all_that_print_as_the_best_are_marked():
    cells = row_cells([row("a", "teacher", "x", [20.01]), row("b", "student", "y", [20.04])], "t2v", [*METRIC_NAMES])
    assert [line[0].best for line in cells] == [True, True]


def test_a_single_row_has_no_best():
    assert not any(cell.best for cell in row_cells([ALONE], "t2v", [*METRIC_NAMES])[0])


@pytest.mark.parametrize(("label", "line"), [("student x, TeachText", "TeachText"), ("student x, c2kd", "c2kd")])
def test_the_line_of_effects_names_the_method(label, line):
    table = results_table(results(ALONE, taught(1.9, 0.7, -0.2).model_copy(update={"label": label})))
    assert table.groups[-1][0][0].text == f"effect of {line}"


def test_effect_is_of_pairs_of_seeds():
    kept = results(ALONE, taught(1.9, 0.7, -0.2), effects={"t2v": {"mdr": difference(-2.0, -0.5, "mdr")}})
    effects = dict(zip(METRIC_NAMES, effect_cells(kept, "t2v"), strict=True))
    assert effects["r1"].text == "+0.8 (1.1)"
    assert effects["r1"].verdict == "not computed"
    assert effects["mdr"].text == "-1.3 (0.6)"
    assert effects["mdr"].verdict == "gain"


@pytest.mark.parametrize(
    ("low", "high", "metric", "expected"),
    [
        (0.2, 1.2, "r1", "gain"),
        (-1.2, -0.2, "r1", "loss"),
        (-1.2, -0.2, "mdr", "gain"),
        (0.2, 1.2, "mnr", "loss"),
        (-0.1, 3.0, "r1", "undecided"),
        (-3.0, 0.1, "mnr", "undecided"),
        (0.0, 0.0, "r1", "undecided"),
        (0.0, 2.0, "r1", "undecided"),
    ],
)
def test_verdict_asks_the_interval(low, high, metric, expected):
    assert verdict_of(difference(low, high, metric)) == expected
    assert verdict_of(None) == "not computed"


def test_effect_sentence():
    alone = results(ALONE, taught(1.9, 0.7, -0.2), effects=geometric(difference(-0.4, 2.0)))
    assert effect_sentence(alone) == (
        "TeachText changes the student's t2v geometric mean by +0.8 "
        "(95 % interval -0.4 to +2.0 over 171 videos and 3 seeds): not decided."
    )
    message = effect_sentence(results(ALONE, taught(2.0, 2.1, 1.9), effects=geometric(difference(1.0, 3.0))))
    assert message.endswith("by +2.0 (95 % interval +1.0 to +3.0 over 171 videos and 3 seeds): a gain.")
    message = effect_sentence(results(ALONE, taught(-2.0, -2, -2), effects=geometric(difference(-3.0, -1.0))))
    assert message.endswith(": a loss.")
    single = results(row("a", "student", "x", [20.0]), row("b", "taught", "x", [20.8]))
    assert effect_sentence(single).endswith("by +0.8; its interval is not known.")
    single = single.model_copy(update={"effects": geometric(difference(0.1, 1.5, seeds=1))})
    assert effect_sentence(single) == (
        "TeachText changes the student's t2v geometric mean by +0.8 (95 % interval +0.1 to +1.5 over 171 videos; "
        "one seed, so no variation over seeds is in it): a gain with this seed."
    )
    assert effect_sentence(results(ALONE)) is None
    assert effect_cells(results(ALONE), "t2v") == []


def test_effects_are_those_of_the_ranks_and_survive_the_file(tmp_path):
    random = np.random.default_rng(0)
    ours, theirs = ([ranks_of(random, mean) for _ in range(2)] for mean in (3, 4))
    effects = effects_of(ours, theirs)
    assert all(list(effects[direction]) == list(METRIC_NAMES) for direction in DIRECTIONS)
    for direction, video_of in (("t2v", np.repeat(np.arange(20), 3)), ("v2t", np.arange(20))):
        sides = [[getattr(seed_ranks, direction) for seed_ranks in side] for side in (ours, theirs)]
        assert effects[direction]["mnr"] == compare(*sides, video_of, statistic="mnr")
    kept = results(ALONE, taught(1, 1, 1), effects=effects)
    kept.save(tmp_path / "results.json")
    assert Results.load(tmp_path / "results.json") == kept
    with pytest.raises(InputError, match="not tested on the same captions and videos"):
        effects_of(ours, [theirs[0], replace(theirs[1], caption_ids=["other", *theirs[1].caption_ids[1:]])])


def test_table_tells_what_was_tested():
    text = plain(results_table(results(*TEACHERS, ALONE, taught(1.9, 0.7, -0.2), generated=True)))
    assert "text to video" in text
    assert "MSVD (generated), test split: 171 videos, 1,855 captions; seeds 0, 1, 2; chance R@10 5.8" in text
    assert "student alone (glove)" in text
    assert "teacher [bold]use" in text
    assert [line for line in text.splitlines() if line.strip()][-1].split()[:5] == [
        "effect",
        "of",
        "TeachText",
        "+0.8",
        "(1.1)",
    ]


def test_table_prints_the_best_bold_and_no_undecided_effect_in_colour():
    effects = {"t2v": {"r1": difference(-0.4, 2.0, "r1"), "mdr": difference(-2.0, -0.5, "mdr")}}
    text = printed(results_table(results(*TEACHERS, ALONE, taught(1.9, 0.7, -0.2), effects=effects)))
    assert "\x1b[1m25.0 (1.0)" in text
    assert "\x1b[1m21.0 (1.0)" not in text
    assert "\x1b[32m+0.8" not in text
    assert "\x1b[32m-1.3 (0.6)" in text


def test_table_fits_eighty_columns():
    text = plain(results_table(results(*TEACHERS, ALONE, taught(1.9, 0.7, -0.2))), width=80)
    assert "…" not in text
    assert text.count("(1.0)") >= 10


def test_table_without_spread_or_teachtext():
    text = plain(results_table(results(row("model", "student", "glove", [20.0])), "v2t"))
    assert "(0." not in text
    assert "effect" not in text
    assert "video to text" in text
    assert "chance" not in text


def test_seeds_table_has_a_line_a_seed():
    colors = {label: look.color for label, look in looks([*TEACHERS, ALONE]).items()}
    text = plain(seeds_table(results(*TEACHERS, ALONE), "t2v", colors))
    lines = [line.split() for line in text.splitlines()]
    assert ["teacher", "minilm", "0", "3", "24.0", "24.0", "24.0", "9.0", "24.0"] in lines
    assert ["teacher", "minilm", "2", "5", "26.0", "26.0", "26.0", "9.0", "26.0"] in lines


def test_numbers_have_no_negative_zero():
    assert [number(-0.04), signed(-0.04), signed(0.04), signed(-0.06), signed(10.0)] == [
        "0.0",
        "0.0",
        "0.0",
        "-0.1",
        "+10.0",
    ]


def test_row_names_its_encoder_once():
    assert row_name(TEACHERS[0]) == "teacher minilm"
    assert row_name(ALONE) == "student alone (glove)"


def test_wide_spreads_fit_into_80_columns():
    wide = row("teacher use", "teacher", "use", [10.0, 40.0, 55.0], [40.0, 61.0, 82.0])
    shown = plain(results_table(results(wide, ALONE, taught(1.0, 1.0, 1.0))), width=80)
    assert "…" not in shown
    assert "(23)" in shown and "(42)" in shown


def test_ties_ndcg_and_what_was_trained_on_stand_with_the_numbers():
    alone = taught(1.9, 0.7, -0.2)
    seeds = [
        seed.model_copy(
            update={
                "t2v": seed.t2v | {"ndcg10": 33.3},
                "v2t": seed.v2t | {"ndcg10": 44.4},
                "ties": {"v2t": Ties(40, 171, {"r1": seed.v2t["r1"] + 3.0}, {"r1": seed.v2t["r1"]})},
            }
        )
        for seed in alone.seeds
    ]
    told = results(alone.model_copy(update={"seeds": seeds}))
    text = plain(results_table(told, "v2t"))
    assert "nDCG@10" in text and "44.4" in text and "trained on: train split" in text
    assert ties_sentences(told) == [
        "Ties, video to text: of up to 40 of 171 queries the right answer has exactly the score of others (student, "
        "TeachText). Ranks average over ties; with every tie decided for the right answer, R@1 would be up "
        "to 3.0 higher"
    ]
    assert any(sentence.startswith("Ties, video to text") for sentence in notes(told))
    without = results(alone, ALONE.model_copy(update={"trained_on": "nothing"}))
    assert "nDCG@10" not in plain(results_table(without, "v2t")) and ties_sentences(without) == []
    assert trained_text(without) == "trained on: train split (student, TeachText); nothing (student alone)"
