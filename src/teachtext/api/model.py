"""A model in Python: texts and videos in, embeddings and similarities out; saved and shared as a folder."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from teachtext import hub
from teachtext.api.embeddings import EncodedTexts, EncodedVideos
from teachtext.api.video_files import videos_of
from teachtext.arguments import check_count, check_items, check_place, check_string
from teachtext.data.feature_import import import_features, store_arrays
from teachtext.data.kept_captions import CAPTIONS
from teachtext.data.store import FeatureFile, shards_of
from teachtext.encoders.embedder import Embedder
from teachtext.encoders.query import check_text
from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.errors import InputError, unknown
from teachtext.extraction.extract import Failure, extract
from teachtext.learning.model_card import SplitMetrics
from teachtext.learning.model_files import MODEL_FILES
from teachtext.learning.model_sharing import save_shared
from teachtext.models.similarity import TextEmbedding, VideoEmbedding, similarity
from teachtext.progress import Progress, silent


class Model:
    """Embeds texts and videos, and scores them against each other. Get one with `teachtext.load`.

    Args:
        embedder: a trained model, a shared-space model, or the built-in class names.
        device: where embeddings are returned and compared, as torch writes it.
        folder: the folder of a trained model; None for any other.
        measured: what was measured for this model, for its card.
    """

    def __init__(
        self,
        embedder: Embedder,
        *,
        device: str,
        folder: Path | None = None,
        measured: Sequence[SplitMetrics] = (),
    ) -> None:
        self.embedder = embedder
        self.device = device
        self.folder = folder
        self.measured = measured

    @property
    def name(self) -> str:
        """The name of the model's folder or repository, or `classnames`."""
        return str(self.embedder.identity["name"])

    @property
    def experts(self) -> list[str]:
        """Specs of the video experts whose features the model reads, sorted."""
        return list(self.embedder.experts)

    @property
    def spaces(self) -> Mapping[str, int]:
        """Dimension D by the space in which texts and videos meet."""
        return self.embedder.spaces

    def __repr__(self) -> str:
        return f"Model({self.name!r}, experts={self.experts}, device={self.device!r})"

    def encode_text(self, texts: str | Sequence[str]) -> EncodedTexts:
        """Embed texts.

        Args:
            texts: C texts, or a single one.

        Returns:
            By space (C, D) unit vectors, and (C, M) mixture weights, on the model's device; `ids` are the texts.

        Raises:
            InputError: no text, an empty one, one with a lone surrogate, or a value that is no string.
        """
        listed = check_items("text", texts, check_string)
        if not listed:
            raise InputError("there is no text to encode", "give at least one")
        for number, text in enumerate(listed, start=1):
            check_text(text, f"text {number}")
        return EncodedTexts.of(listed, self.embedder.embed_queries(listed), self.device, fingerprint=self._fingerprint)

    def encode_video(
        self,
        videos: str | Path | Sequence[str | Path] | None = None,
        *,
        features: str | Path | Mapping[str, str | Path | Mapping[str, Any]] | None = None,
        workers: int = 1,
        time_limit: float | None = None,
        memory_limit: float | None = None,
        progress: Progress = silent,
    ) -> EncodedVideos:
        """Embed videos: extract the features that are missing, and run the model over them.

        Features are extracted in worker processes. They do not import the calling script, so the script needs no
        `if __name__ == "__main__"`.

        Args:
            videos: files, a folder of videos, or a dataset folder; with `features`, also ids of videos in it. None
                stands for every video that `features` holds.
            features: folder that keeps features (`<folder>/video/<expert>`), as `teachtext extract` writes it.
                Videos whose features it holds are not decoded again. By default features are not kept. Or features by
                expert: arrays by video id, (D,) or (rows, D), or a file or folder that was made elsewhere.
            workers: processes that extract.
            time_limit: seconds that one video may take; by default ten times its length, at least a minute.
            memory_limit: megabytes of memory that one video may take, beyond the encoders themselves; by default 4,000.
            progress: called with the number of videos that are done.

        Returns:
            By space (B, D) unit vectors on the model's device, one row a video in the order of `videos`. A video that
            cannot be read keeps its row, is present in no space, and is listed in `failed`; a warning names it.

        Raises:
            InputError: no video at all can be read, a folder without videos, an empty path, no worker, or a
                package that is not installed.
        """
        if videos is None and features is None:
            raise InputError("there is no video to encode", "give files, a folder, or a folder of features")
        limits = {"workers": check_count("workers", workers), "time_limit": time_limit, "memory_limit": memory_limit}
        if isinstance(features, Mapping):
            with TemporaryDirectory() as scratch:
                self._store(features, Path(scratch) / "video")
                return self._encode_video(videos, Path(scratch), limits, progress)
        if features is not None:
            return self._encode_video(videos, Path(check_place("features", features)), limits, progress)
        with TemporaryDirectory() as scratch:
            return self._encode_video(videos, Path(scratch), limits, progress)

    def _store(self, features: Mapping[str, str | Path | Mapping[str, Any]], folder: Path) -> None:
        """Write features that a caller has as feature stores."""
        for name, values in features.items():
            if name not in self.experts:
                raise unknown(f"expert of '{self.name}'", str(name), self.experts)
            place = folder / VIDEO_EXPERTS.folder_name(name, self.embedder.expert_settings.get(name, {}))
            if isinstance(values, Mapping):
                store_arrays(name, values, place)
            else:
                import_features(Path(check_place(f"features of {name}", values)), place, expert=name)

    def similarity(self, text: TextEmbedding, video: VideoEmbedding) -> Tensor:
        """Score C texts against B videos; see `teachtext.models.similarity.similarity`.

        Returns:
            (C, B), weighted means of cosines in [-1, 1]; -2 for a video that no expert describes.

        Raises:
            InputError: the arguments are swapped, or were encoded by another model.
        """
        self._check_encoded("text", text, TextEmbedding)
        self._check_encoded("video", video, VideoEmbedding)
        device = torch.device(self.device)
        return similarity(text.to(device), video.to(device))

    def save(self, folder: str | Path, *, license: str = "unknown", captions: bool = True) -> Path:
        """Write the model to a new folder: weights, config, metrics and a card. Load it with `teachtext.load`.

        Args:
            folder: a folder that is empty or does not exist.
            license: of the weights, as the hub's cards name licences.
            captions: whether captions of its training go along, with which an index corrects hubs.

        Raises:
            InputError: the model has no weights of its own, or the folder holds something else.
        """
        return save_shared(
            self._trained_folder,
            Path(check_place("folder", folder)),
            measured=self.measured,
            license=license,
            captions=captions,
        )

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        token: str | None = None,
        revision: str | None = None,
        commit_message: str = "Upload a TeachText model",
        license: str = "unknown",
        captions: bool = True,
    ) -> str:
        """Upload the model to the Hugging Face hub. Load it with `teachtext.load(repo_id)`.

        Args:
            repo_id: `user/name`; the repository is created if it does not exist.
            private: whether a new repository is private; by default the setting of the account.
            token: of the hub; by default the one of `hf auth login`.
            revision: branch that gets the commit; by default the main one.
            commit_message: first line of the commit.
            license: of the weights, as the hub's cards name licences.
            captions: whether captions of its training go along, with which an index corrects hubs. Without them,
                the commit removes those of an earlier upload; the history of the repository keeps them.

        Returns:
            The address of the commit.

        Raises:
            InputError: the model has no weights of its own, or the hub does not accept the upload.
        """
        check_string("repo_id", repo_id)
        with TemporaryDirectory() as scratch:
            name = repo_id.rpartition("/")[2]
            saved = save_shared(
                self._trained_folder,
                Path(scratch) / "model",
                name=name,
                repo_id=repo_id,
                measured=self.measured,
                license=license,
                captions=captions,
            )
            return hub.upload(
                saved,
                repo_id,
                MODEL_FILES,
                remove=[] if captions else [CAPTIONS],
                private=private,
                token=token,
                revision=revision,
                message=commit_message,
            )

    @property
    def _trained_folder(self) -> Path:
        if self.folder is None:
            raise InputError(f"'{self.name}' has no weights to save", "train a model with 'teachtext run'")
        return self.folder

    @property
    def _fingerprint(self) -> str:
        return str(self.embedder.identity["fingerprint"])

    def _check_encoded(self, name: str, value: Any, expected: type[TextEmbedding | VideoEmbedding]) -> None:
        mend = f"give what 'encode_{name}' of this model returns"
        if not isinstance(value, expected):
            raise InputError(f"'{name}' is of type {type(value).__name__}", mend)
        dims = {space: vectors.shape[-1] for space, vectors in value.vectors.items()}
        # embeddings that a caller built carry no fingerprint
        fingerprint = getattr(value, "fingerprint", "") or self._fingerprint
        if fingerprint != self._fingerprint or dims != dict(self.spaces):
            raise InputError(f"'{name}' was encoded by another model than '{self.name}'", mend)

    def _encode_video(
        self,
        videos: str | Path | Sequence[str | Path] | None,
        features: Path,
        limits: Mapping[str, Any],
        progress: Progress,
    ) -> EncodedVideos:
        store = features / "video" if (features / "video").is_dir() or videos is not None else features
        stored = self._stored(store)
        if videos is None:
            ids = sorted({video_id for file in stored.values() for video_id in file.ids})
            if not ids:
                raise InputError(f"{features} holds no features of {', '.join(self.experts)}", "extract them first")
            return self._embed(ids, stored, [])
        listed, notes = videos_of(videos, is_stored=lambda name: any(name in file for file in stored.values()))
        for note in notes:
            warnings.warn(note, stacklevel=3)
        failed: Sequence[Failure] = ()
        if all(video.path and not video.path.exists() for video in listed):
            raise InputError(
                f"{listed[0].path} does not exist" if len(listed) == 1 else f"none of the {len(listed)} videos exists",
                "check the paths of the videos",
            )
        if any(video.path for video in listed):
            extraction = extract(
                listed,
                self.experts,
                store,
                settings=self.embedder.expert_settings,
                device=self.device,
                progress=progress,
                **limits,
            )
            failed = extraction.failed
            if len({failure.id for failure in failed}) == len({video.id for video in listed}):
                lead = "the video cannot" if len(listed) == 1 else f"none of the {len(listed)} videos can"
                raise InputError(f"{lead} be read", str(failed[0]))
            if failed:
                lead = f"{len(failed)} of {len(listed)} videos could not be read, the first: {failed[0]}"
                warnings.warn(lead, stacklevel=3)
        return self._embed([video.id for video in listed], self._stored(store), failed)

    def _stored(self, store: Path) -> dict[str, FeatureFile]:
        """Open the feature files of the model's experts, as far as there are any."""
        settings = self.embedder.expert_settings
        folders = {name: store / VIDEO_EXPERTS.folder_name(name, settings.get(name, {})) for name in self.experts}
        return {name: FeatureFile(folder) for name, folder in folders.items() if shards_of(folder)}

    def _embed(self, ids: Sequence[str], files: Mapping[str, FeatureFile], failed: Sequence[Failure]) -> EncodedVideos:
        missing = [name for name in self.experts if name not in files]
        if missing:
            raise InputError(f"there are no features of {', '.join(missing)}", "extract them, or give the video files")
        described = [
            video_id for video_id in dict.fromkeys(ids) if any(file.rows_of(video_id) for file in files.values())
        ]
        vectors = dict(zip(described, self.embedder.embed_videos(files, described), strict=True)) if described else {}
        rows = [vectors.get(video_id, {}) for video_id in ids]
        return EncodedVideos.of(ids, rows, self.spaces, self.device, failed, fingerprint=self._fingerprint)
