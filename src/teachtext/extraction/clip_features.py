"""Features of whole clips, as features by pieces: an index of the clips of a training need not extract them again."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.store import FeatureFile, shards_of
from teachtext.encoders.base import Rows
from teachtext.extraction.piece_rows import over
from teachtext.files import content_hash
from teachtext.video.decode import watch_video
from teachtext.video.sampling import PieceRule

# these see the same moments of a clip with a rule for longer videos and without
_LOOKING = ("appearance", "scene", "motion")


def as_pieces(source: Path, target: Path, videos: Mapping[str, Path], rule: PieceRule) -> None:
    """Write the features that `extract` would write with a rule, from those that it has written without one.

    A clip that is no longer than `rule.whole_s` is one piece. Its features are then those of the whole, and only the
    times of the rows are new. Longer videos, files that have changed and experts of sound are left out: they are
    extracted later.

    Args:
        source: folder with a folder of features for each expert, made without a rule.
        target: an empty folder, which gets the same folders.
        videos: the file of each video, by id.
        rule: of the features to write.

    Raises:
        InputError: a file cannot be decoded, or features are damaged.
    """
    files = [FeatureFile(source / name) for name in _LOOKING if shards_of(source / name)]
    ends_s: dict[str, float] = {}
    for file in files:
        provenance = {**file.provenance, "pieces": asdict(rule)}
        with FeatureWriter(target / file.folder.name, provenance=provenance, dim=file.dim) as writer:
            for video_id, content in file.sources.items():
                path = videos.get(video_id)
                if path is None or not file.rows_of(video_id):
                    continue
                if video_id not in ends_s:
                    # without watchers nothing is decoded but the first picture
                    is_same = content_hash(path) == content
                    ends_s[video_id] = watch_video(path, lambda *_: [])[1] if is_same else float("inf")
                if ends_s[video_id] <= rule.whole_s:
                    rows = over(
                        Rows(file.read(video_id).astype(np.float32), file.times(video_id)), [(0.0, ends_s[video_id])]
                    )
                    writer.add(video_id, rows.values, source=content, times=rows.times)
