"""Progress of work in another process."""

import pickle
import subprocess
import sys

from teachtext.progress import relayed

WORK = """
import pickle, sys
listener = pickle.load(sys.stdin.buffer)
for done in range(1, 501):
    listener("read", done, 500, "\u00e4\\nb")
"""


def test_reports_of_another_process_arrive_in_order_and_before_the_end():
    reports = []
    with relayed(lambda *report: reports.append(report)) as listener:
        subprocess.run([sys.executable, "-c", WORK], input=pickle.dumps(listener), check=True)
    assert reports == [("read", done, 500, "\u00e4\nb") for done in range(1, 501)]
