"""Write docs/results.md from the results of studies in docs/results/: `python docs/make_results.py`.

A study comes in by copying the `results.json` that `teachtext study` wrote to docs/results/NAME.json. Nothing in the
page is typed by hand.
"""

from collections.abc import Sequence
from pathlib import Path

from teachtext.evaluation.results import Results
from teachtext.evaluation.rows import Row
from teachtext.files import write_text
from teachtext.reports.study_tables import claim_sentence, comparison_cells, denoised_sentence, markdown

HERE = Path(__file__).resolve().parent
PAGE = HERE / "results.md"
FOLDER = HERE / "results"

HEAD = """# Results

Made by `python docs/make_results.py` from `docs/results/*.json`, which `teachtext study` wrote from the files in
`examples/studies/`. Text to video; recalls in percent, mean and (sample standard deviation) over seeds, with intervals
over videos and seeds. A claim is answered yes or no only where the interval of its difference excludes zero and the p
value, corrected over all comparisons of its study, agrees; else it is not decided.
"""


# what the paper claims, and the kinds of studies that ask it; a study is called KIND-DATASET
PAPER = {
    "Teachers with several text encoders make a student better": (
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


def page(studies: Sequence[Results]) -> str:
    """Return the page: what the studies say of the paper's claims, then every study."""
    lines = [HEAD, "## Claims", ""]
    if not studies:
        lines += ["No study has been done yet.", ""]
    for claim in (*PAPER, BEYOND):
        asked = [study for study in studies if _claim_of(study) == claim]
        told = [f"- {sentence} [{study.name}](#{study.name})" for study in asked for sentence in _sentences(study)]
        lines += [f"**{claim}**", "", *told, ""] if told else []
    if taught := _taught(studies):
        same = [alone.parameters == row.parameters for alone, row in taught]
        answer = "yes" if all(same) else "no"
        lines += ["**Nothing is added at test time**", ""]
        lines += [f"- {answer}: {sum(same)} of {len(same)} students have as many parameters taught as alone.", ""]
    return "\n".join([*lines, *(markdown(study) for study in studies)])


def _claim_of(study: Results) -> str:
    kind = study.name.rpartition("-")[0]
    return next((claim for claim, kinds in PAPER.items() if kind in kinds), BEYOND)


def _sentences(study: Results) -> list[str]:
    claims = [claim_sentence(comparison) for comparison in study.comparisons if comparison.claim]
    denoised = [denoised_sentence(found) for found in study.denoised if found.wrong is not None]
    further = []
    for verdict, word in (("gain", "Better"), ("loss", "Worse")):
        found = [one for one in study.comparisons if one.verdict == verdict and not one.claim]
        told = [f"{one.ours} than {one.theirs} ({comparison_cells(one)[0]})" for one in found]
        further += [f"{word}, though no claim names it: {'; '.join(told)}."] if told else []
    return claims + further + denoised


def _taught(studies: Sequence[Results]) -> list[tuple[Row, Row]]:
    """Return students alone and the same students taught, where a study has both."""
    pairs = []
    for study in studies:
        rows = {row.label: row for row in study.rows if not row.sees}
        for found in study.comparisons:
            ours, theirs = rows.get(found.ours), rows.get(found.theirs)
            if ours and theirs and (ours.role, theirs.role) == ("taught", "student") and _same_student(ours, theirs):
                pairs.append((theirs, ours))
    return pairs


def _same_student(ours: Row, theirs: Row) -> bool:
    return (ours.text_encoder, ours.experts) == (theirs.text_encoder, theirs.experts)


def studies_in(folder: Path) -> list[Results]:
    """Read the results of all studies, in the order of their names."""
    return [Results.load(path) for path in sorted(folder.glob("*.json"))]


if __name__ == "__main__":
    write_text(PAGE, page(studies_in(FOLDER)))
    print(PAGE)
