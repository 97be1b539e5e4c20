"""Write docs/results.md from the results of studies in docs/results/: `python docs/make_results.py`.

A study comes in by copying the `results.json` that `teachtext study` wrote to docs/results/NAME.json. Nothing in the
page is typed by hand.
"""

from collections.abc import Sequence
from pathlib import Path

from teachtext.evaluation.study.results import StudyResults
from teachtext.evaluation.study.tables import claim_sentence, markdown
from teachtext.files import write_text

HERE = Path(__file__).resolve().parent
PAGE = HERE / "results.md"
FOLDER = HERE / "results"

HEAD = """# Results

Made by `python docs/make_results.py` from `docs/results/*.json`, which `teachtext study` wrote from the files in
`examples/studies/`. Text to video; recalls in percent, mean and (sample standard deviation) over seeds, with intervals
over videos and seeds. A claim is answered yes or no only where the interval of its difference excludes zero and the p
value, corrected over all comparisons of its study, agrees; else it is not decided.
"""


def page(studies: Sequence[StudyResults]) -> str:
    """Return the page: all claims with their answers, then every study."""
    claims = [
        f"- {claim_sentence(comparison)} [{study.name}](#{study.name})"
        for study in studies
        for comparison in study.comparisons
        if comparison.claim
    ]
    answers = ["## Claims", "", *(claims or ["No study has been done yet."]), ""]
    return "\n".join([HEAD, *answers, *(markdown(study) for study in studies)])


def studies_in(folder: Path) -> list[StudyResults]:
    """Read the results of all studies, in the order of their names."""
    return [StudyResults.load(path) for path in sorted(folder.glob("*.json"))]


if __name__ == "__main__":
    write_text(PAGE, page(studies_in(FOLDER)))
    print(PAGE)
