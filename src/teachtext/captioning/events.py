"""The events of a video: the stretches between the moments at which its pictures change."""

import numpy as np

from teachtext.captioning.captioner import Event
from teachtext.data.store import FeatureFile
from teachtext.video.sampling import PieceRule
from teachtext.video.segments import cut

EVENT_EXPERT = "appearance"
"""The expert whose rows are compared."""
EVENT_ROWS = PieceRule(whole_s=0.0, longest_s=0.5, share=1.0)
"""A row for every half second, of short videos too."""
_MOST_S = 20.0


def events_of(rows: FeatureFile, video_id: str, *, penalty_s: float, least_s: float) -> list[Event]:
    """Cut a video into its events, in order of time.

    Args:
        rows: features of `EVENT_EXPERT` with times (see `EVENT_ROWS`).
        video_id: id of the video.
        penalty_s: see `teachtext.video.segments.cut`.
        least_s: least length of an event; a shorter video is one event.

    Returns:
        Nothing for a video without rows.
    """
    times = rows.times(video_id)
    if times is None:
        return []
    pieces = cut(
        rows.read(video_id).astype(np.float32), times, least_s=least_s, most_s=_MOST_S, whole_s=0.0, penalty_s=penalty_s
    )
    return [Event(float(times[first, 0]), float(times[end - 1, 1])) for first, end in pieces.tolist()]
