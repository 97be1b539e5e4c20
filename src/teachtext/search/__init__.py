"""The search index: a folder of videos, found with words."""

from typing import Literal

RankBy = Literal["both", "model", "words"]
"""What ranks videos: the model's similarity, the words that were heard and read, or both, fused."""
