"""Training over several processes, the ranks: each embeds its rows of a batch, all compute the loss of the whole batch.

`start` joins the processes, `group` has their exchanges, `agreement` compares what they see, `gather` joins embeddings
and gradients, and `batch_norm` joins batch statistics. A trainer knows `Ranks` alone.
"""

from teachtext.learning.ranks.group import ALONE, Ranks
from teachtext.learning.ranks.start import started

__all__ = ["ALONE", "Ranks", "started"]
