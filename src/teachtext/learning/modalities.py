"""Captions, videos and their sounds in the one space of an `Omni`, each by itself and in pairs."""

from collections.abc import Sequence

import torch
from torch import Tensor

from teachtext.data.batch import VideoBatch
from teachtext.data.features import Features
from teachtext.data.protocol import Caption
from teachtext.errors import InputError
from teachtext.evaluation.by_direction import EmbeddedForms
from teachtext.learning.inference import embed_texts
from teachtext.models.omni import MODALITIES, omni_of
from teachtext.models.retrieval import RetrievalModel

_AT_ONCE = 256


@torch.no_grad()
def embed_forms(
    model: RetrievalModel, features: Features, captions: Sequence[Caption], video_ids: Sequence[str], *, name: str
) -> EmbeddedForms:
    """Embed captions and videos, each modality by itself and every pair of them.

    Args:
        model: put in evaluation mode.
        features: of both.
        captions: C queries, each of a video of the gallery.
        video_ids: B videos.
        name: of the model, in messages.

    Raises:
        InputError: the model has no space for all modalities.
    """
    omni = omni_of(model)
    if omni is None:
        raise InputError(
            f"{name} has no space for text, video and sound alike, so there is nothing from any to any",
            "give a model that was trained with 'method: omni'",
        )
    caption_ids = [caption.id for caption in captions]
    text = embed_texts(model, features, caption_ids).vectors["joint"]
    device = next(model.parameters()).device
    shown: dict[str, list[Tensor]] = {"video": [], "audio": [], "video + audio": []}
    has: dict[str, list[Tensor]] = {"video": [], "audio": []}
    for start in range(0, len(video_ids), _AT_ONCE):
        whole = features.videos(video_ids[start : start + _AT_ONCE]).to(device)
        for form, vectors in shown.items():
            part = _only(whole, [name for modality in form.split(" + ") for name in omni.experts_of[modality]])
            embedded = model.encode_video(part)
            vectors.append(embedded.vectors["joint"].cpu())
            if form in has:
                has[form].append(embedded.described.cpu())
    videos = {form: torch.cat(vectors) for form, vectors in shown.items()}
    column = {video_id: number for number, video_id in enumerate(video_ids)}
    video_of = torch.tensor([column[caption.video_id] for caption in captions])
    pairs = {
        f"text + {name}": omni.fuse(
            {"text": text.to(device), name: videos[name][video_of].to(device)},
            torch.tensor([modality in ("text", name) for modality in MODALITIES], device=device).expand(len(text), -1),
        ).cpu()
        for name in ("video", "audio")
    }
    return EmbeddedForms(
        vectors={form: values.numpy() for form, values in {"text": text, **videos, **pairs}.items()},
        has={modality: torch.cat(there).numpy() for modality, there in has.items()},
        video_of=video_of.numpy(),
        caption_ids=caption_ids,
        video_ids=video_ids,
    )


def _only(video: VideoBatch, experts: Sequence[str]) -> VideoBatch:
    """Return the videos as if the other experts had found nothing."""
    lengths = {name: length if name in experts else 0 * length for name, length in video.lengths.items()}
    return VideoBatch(video.ids, video.experts, lengths)
