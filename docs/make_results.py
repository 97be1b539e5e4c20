"""Write docs/results.md and a page for each study from docs/results/*.json: `python docs/make_results.py`.

A study comes in by copying the `results.json` that `teachtext study` wrote to docs/results/KIND-DATASET.json. No number
is typed by hand.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from teachtext.evaluation.result_rows import Row
from teachtext.evaluation.results import Comparison, Denoised, Results
from teachtext.files import write_text
from teachtext.reports.sentences import comparison_cells
from teachtext.reports.study_markdown import markdown

HERE = Path(__file__).resolve().parent
PAGE = HERE / "results.md"
FOLDER = HERE / "results"

HEAD = """# Results

`python docs/make_results.py` makes this page from `docs/results/*.json`. `teachtext study` wrote those files, from the
studies in `examples/studies/`.

A cell holds a verdict, a difference and an interval. The difference is in points of the geometric mean of R@1, R@5 and
R@10, text to video. The 95 % interval is over videos and seeds. The verdict is `gain` or `loss` only where two things
agree: the interval excludes zero, and the p value is at most 0.05 after Holm's correction over all comparisons of the
study. Else the verdict is `undecided`. The name of a study leads to its page, with all rows, p values and notes.
"""

STUDIES_HEAD = """# The studies

Every study of [the results](../results.md) has a page with its rows, comparisons and notes, and a JSON file with all
numbers. The study files are in `examples/studies/`.

| study | question | results on |
| --- | --- | --- |
"""

# the data sets, in the order of the columns; a study is called KIND-DATASET
DATASETS = {"msvd476": "MSVD-476 subset", "playground": "generated playground"}
# what the paper claims, and the kinds of studies that ask it
PAPER = {
    "Teachers with several text encoders make a student better": (
        "recipe",
        "recipe-features",
        "few-captions",
        "helps",
        "last-epoch",
        "teachers",
        "weight",
        "distance",
        "pool",
    ),
    "Fewer video experts suffice where teachers saw more": ("modalities",),
    "Teachers find noisy captions": ("noise", "denoising"),
}
BEYOND = "Beyond the paper"
DECIDED = "Decided, though no claim names it"
NOISIEST = 3


def page(studies: Sequence[Results]) -> str:
    """Return the page of all claims: one table, claim by data set."""
    if not studies:
        return "\n".join([HEAD, "No study has been done yet.", ""])
    claims = [comparison for study in studies for comparison in study.comparisons if comparison.claim]
    lines = [HEAD, _summary(claims), "", *_claims_table(studies), *_denoising_table(studies)]
    if pairs := _taught_and_alone(studies):
        same = sum(alone.parameters == taught.parameters for alone, taught in pairs)
        lines += ["## What TeachText costs at test time", ""]
        verb = "have" if len(pairs) > 1 else "has"
        lines += [f"{same} of {len(pairs)} taught students {verb} as many parameters as the same student alone.", ""]
    return "\n".join(lines)


def studies_page(studies: Sequence[Results]) -> str:
    """Return the page that lists the studies."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for study in studies:
        link = f"[{DATASETS.get(_dataset(study), _dataset(study))}]({study.name}.md)"
        kinds.setdefault((_kind(study), study.question), []).append(link)
    rows = [f"| {kind} | {_clean(question)} | {', '.join(links)} |" for (kind, question), links in kinds.items()]
    toctree = ["", "```{toctree}", ":hidden:", "", *(study.name for study in studies), "```", ""]
    return STUDIES_HEAD + "\n".join([*rows, *toctree])


def study_page(study: Results) -> str:
    """Return the page of one study; of the noisiest captions it names only the first."""
    denoised = [item.model_copy(update={"noisiest": item.noisiest[:NOISIEST]}) for item in study.denoised]
    text = markdown(study.model_copy(update={"denoised": denoised})).removeprefix("#")
    return f"{text}\nAll numbers: [{study.name}.json]({study.name}.json). All claims: [Results](../results.md).\n"


def _summary(claims: Sequence[Comparison]) -> str:
    counts = {verdict: sum(claim.verdict == verdict for claim in claims) for verdict in ("gain", "loss", "undecided")}
    return f"{len(claims)} claims were tested: {', '.join(f'{n} `{verdict}`' for verdict, n in counts.items())}."


def _claims_table(studies: Sequence[Results]) -> list[str]:
    """Return a row for each claim and kind of study, a column for each data set."""
    datasets = [name for name in DATASETS if any(_dataset(study) == name for study in studies)]
    datasets += sorted({_dataset(study) for study in studies} - set(datasets))
    titles = [DATASETS.get(name, name) for name in datasets]
    lines = ["| " + " | ".join(["claim", *titles]) + " |", "|" + " --- |" * (1 + len(titles))]
    for group in (*PAPER, BEYOND, DECIDED):
        rows: dict[tuple[str, str], dict[str, str]] = {}
        for study in studies:
            for comparison in study.comparisons:
                if _group(study, comparison) == group:
                    key = (comparison.claim or f"{comparison.ours} against {comparison.theirs}", _kind(study))
                    rows.setdefault(key, {})[_dataset(study)] = f"{_cell(comparison)} {_link(study)}"
        if rows:
            lines += [f"| **{group}** |" + " |" * len(datasets)]
            lines += [_row(claim, cells, datasets) for (claim, _), cells in rows.items()]
    return [*lines, ""]


def _row(claim: str, cells: Mapping[str, str], datasets: Sequence[str]) -> str:
    return "| " + " | ".join([_clean(claim), *(cells.get(dataset, "") for dataset in datasets)]) + " |"


def _group(study: Results, comparison: Comparison) -> str | None:
    """Return the group of rows that a comparison stands in; None for one that is neither claimed nor decided."""
    if not comparison.claim:
        return DECIDED if comparison.verdict in ("gain", "loss") else None
    return next((claim for claim, kinds in PAPER.items() if _kind(study) in kinds), BEYOND)


def _cell(comparison: Comparison) -> str:
    difference, bounds, _ = comparison_cells(comparison)
    verdict = comparison.verdict if comparison.verdict == "undecided" else f"**{comparison.verdict}**"
    return f"{verdict} {difference} ({bounds})" if comparison.difference else verdict


def _denoising_table(studies: Sequence[Results]) -> list[str]:
    rows = [(study, item) for study in studies for item in study.denoised if item.wrong is not None]
    if not rows:
        return []
    lines = ["## Wrong captions that denoising finds, where it is known which are wrong", ""]
    lines += ["| | captions | wrong | dropped | precision | recall | average precision |", "|" + " --- |" * 7]
    return [*lines, *(_denoising_row(study, item) for study, item in rows), ""]


def _denoising_row(study: Results, item: Denoised) -> str:
    shares = [_percent(share) for share in (item.precision, item.recall, item.average_precision)]
    counts = [f"{count:,}" for count in (item.captions, item.wrong or 0, item.dropped)]
    return "| " + " | ".join([f"{_clean('; '.join(item.variants))} {_link(study)}", *counts, *shares]) + " |"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _taught_and_alone(studies: Sequence[Results]) -> list[tuple[Row, Row]]:
    """Return students alone and the same students taught, where a study has both."""
    pairs = []
    for study in studies:
        rows = {row.label: row for row in study.rows if not row.sees}
        for comparison in study.comparisons:
            ours, theirs = rows.get(comparison.ours), rows.get(comparison.theirs)
            if ours and theirs and (ours.role, theirs.role) == ("taught", "student") and _same_student(ours, theirs):
                pairs.append((theirs, ours))
    return pairs


def _same_student(ours: Row, theirs: Row) -> bool:
    return (ours.text_encoder, ours.experts) == (theirs.text_encoder, theirs.experts)


def _kind(study: Results) -> str:
    return study.name.rpartition("-")[0]


def _dataset(study: Results) -> str:
    return study.name.rpartition("-")[2]


def _link(study: Results) -> str:
    return f"[{_kind(study) or study.name}](results/{study.name}.md)"


def _clean(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def studies_in(folder: Path) -> list[Results]:
    """Read the results of all studies, in the order of their names."""
    return [Results.load(path) for path in sorted(folder.glob("*.json"))]


if __name__ == "__main__":
    studies = studies_in(FOLDER)
    write_text(PAGE, page(studies))
    write_text(FOLDER / "index.md", studies_page(studies))
    for study in studies:
        write_text(FOLDER / f"{study.name}.md", study_page(study))
    print(PAGE)
