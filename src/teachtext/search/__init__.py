"""The search index: a folder of videos, found with words."""

from typing import Literal

RankBy = Literal["both", "model", "words"]
GroupBy = Literal["video", "moment"]
"""What ranks videos: the model's similarity, words that are heard, read or in file names, or both, fused."""
