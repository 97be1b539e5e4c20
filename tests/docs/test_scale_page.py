"""The tables of the plan for large indexes are those that its script computes."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_tables_of_the_page_are_those_of_the_script():
    script = ROOT / "benchmarks" / "scale_sim.py"
    said = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True).stdout
    tables = [part for part in said.strip().split("\n\n") if part.startswith("|")]
    page = (ROOT / "docs" / "scale.md").read_text()
    assert len(tables) == 5 and all(table in page for table in tables)


def test_more_queries_and_less_memory_ask_for_more_machines(tmp_path: Path):
    def machines(*options: str) -> int:
        command = [sys.executable, str(ROOT / "benchmarks" / "scale_sim.py"), *options]
        said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
        exact = said.partition("exact\n")[2].strip().split("\n\n")[0]
        return int(exact.splitlines()[-1].split("|")[2].replace(",", ""))

    assert machines("--queries-a-second", "1") < machines() < machines("--queries-a-second", "50")
    assert machines("--queries-a-second", "1") < machines("--queries-a-second", "1", "--machine-gb", "1")
