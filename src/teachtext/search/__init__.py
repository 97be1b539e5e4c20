"""The search index: a folder of videos, found with words."""

from typing import Literal

RankBy = Literal["both", "model", "words"]
"""What ranks videos: the model's similarity; words that are heard, read, in subtitles, titles or file names; both."""
GroupBy = Literal["video", "moment"]
"""What a result is: a video with its best places, or a place by itself."""
