"""`teachtext teachers`: train the teachers of a config and compare them."""

from typing import TYPE_CHECKING

from teachtext.cli.run import Config, Jobs, print_set_aside

if TYPE_CHECKING:
    from teachtext.learning.ranks import Ranks


def teachers(config: Config, jobs: Jobs = None) -> None:
    """Train the teachers of a config and compare them.

    The validation split shows how good each teacher is, how many questions only one teacher answers right, and how
    many the mean of all teachers answers right.
    """
    from teachtext.cli.progress import console, shown
    from teachtext.experiment.config_file import load_config
    from teachtext.experiment.run import compare_teachers
    from teachtext.experiment.study.ranks import lead
    from teachtext.reports.agreement_report import agreement_tables, alone_table, metrics_table

    def work(ranks: "Ranks") -> None:
        loaded = load_config(config)
        with shown() as progress:
            comparison, set_aside = compare_teachers(loaded, jobs=jobs, progress=progress, ranks=ranks)
        print_set_aside(set_aside)
        for note in comparison.notes:
            console.print(f"note: {note}", markup=False, soft_wrap=True)
        for table in (metrics_table(comparison), alone_table(comparison), *agreement_tables(comparison)):
            console.print(table.rich())
        console.print(f"Report: {loaded.folder / 'teachers.html'}", markup=False, soft_wrap=True)

    lead(work)
