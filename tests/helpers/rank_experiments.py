"""A training of an experiment, set up in processes that see different folders, as machines without a common one do."""

from collections.abc import Sequence
from pathlib import Path

from teachtext.errors import InputError
from teachtext.experiment.config_file import load_config
from teachtext.experiment.plan import plans_of
from teachtext.experiment.train import training_of
from teachtext.experiment.workspace import Workspace
from teachtext.files import refuse_writing
from teachtext.learning.ranks import Ranks
from teachtext.progress import silent


def set_up_in(ranks: Ranks, configs_of_cases: Sequence[Sequence[Path]]) -> list[str]:
    """Set up the taught student in each case, from the config of each process; return what each process says."""
    if not ranks.first:
        refuse_writing("process 0 alone writes files")
    said = []
    for configs in configs_of_cases:
        config = load_config(configs[ranks.rank])
        training = training_of(Workspace(config), plans_of(config)[-1], config.seeds[0])
        try:
            ranks.set_up(config.device, training.facts, lambda device, of=training: of.trainer(device, silent, ranks))
            said.append("")
        except InputError as error:
            said.append(str(error))
    return said
