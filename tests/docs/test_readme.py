"""The blocks of README and tutorial run as they stand, in a folder with a small `my-videos`."""

import re
import tomllib

import pytest
from docs_blocks import ROOT, Block, Sandbox, blocks_of

README = ROOT / "README.md"
TUTORIAL = ROOT / "docs" / "tutorial.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("**/*.md"))]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    folder = tmp_path_factory.mktemp("reader")
    made = Sandbox(folder)
    made.run(Block("shell", "teachtext data playground my-videos --videos 16 --captions 6"))
    return made


def test_the_readme_is_short_and_shows_a_picture_first():
    lines = README.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 160
    picture = re.search(r"!\[.+\]\((.+)\)", "\n".join(lines[:10]))
    assert picture and (ROOT / picture[1]).is_file()


@pytest.mark.slow
def test_the_blocks_of_the_readme_run(sandbox: Sandbox):
    blocks = blocks_of(README)
    search, *training = [block for block in blocks if block.language in ("shell", "yaml")]
    assert ".mp4" in sandbox.run(search)
    # the Python section asks for the run of the section after it
    trained = [sandbox.run(block) for block in training]
    assert "TeachText" in trained[-1]
    printed = [sandbox.run(block) for block in blocks if block.language == "python"]
    assert ".mp4" in printed[-1]


@pytest.mark.slow
def test_the_blocks_of_the_tutorial_run(sandbox: Sandbox):
    printed = [sandbox.run(block) for block in blocks_of(TUTORIAL)]
    assert any(".mp4" in text for text in printed)


def test_make_targets_that_pages_name_are_in_the_makefile():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        for target in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert target in targets, f"{page}: make {target}"


def test_extras_that_pages_name_are_in_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = set(project["optional-dependencies"])
    for page in PAGES:
        lines = re.findall(r"pip install [^\n]*", page.read_text(encoding="utf-8"))
        groups = [group for line in lines for group in re.findall(r"\[([\w,]+)\]", line)]
        named = {name for group in groups for name in group.split(",")}
        assert named <= extras, f"{page}: {named - extras}"


def test_links_of_pages_lead_to_files():
    for page in PAGES:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if "://" not in link and not link.startswith("#"):
                path = (page.parent / link.partition("#")[0]).resolve()
                # the reference is made when the site is built, which fails on a link that leads nowhere
                assert path.exists() or path.is_relative_to(ROOT / "docs" / "reference"), f"{page}: {link}"
