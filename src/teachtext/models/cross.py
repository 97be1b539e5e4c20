"""A slow scorer: two towers, and the words of a caption that look at the rows of a video."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from teachtext.data.batch import Batch, TextBatch, VideoBatch
from teachtext.models.mmt import ExpertTokens, transformer
from teachtext.models.pooling import length_mask
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.scaling import ScaledFeatures
from teachtext.models.similarity import NOTHING_KNOWN, Scored, TextEmbedding, VideoEmbedding, similarity


@dataclass(frozen=True)
class Words:
    """C captions before they meet a video.

    Attributes:
        queries: (C, heads, L, D / heads).
        vectors: (C, L, D), unit length.
        weights: (C, L), a sum of 1 over the words that count.
    """

    queries: Tensor
    vectors: Tensor
    weights: Tensor


@dataclass(frozen=True)
class Tokens:
    """B videos before they meet a caption.

    Attributes:
        keys: (B, heads, T, D / heads).
        values: (B, heads, T, D / heads).
        mask: (B, T) bool, the tokens that count; one at least in each video.
    """

    keys: Tensor
    values: Tensor
    mask: Tensor

    def select(self, videos: Tensor) -> "Tokens":
        """Return the tokens of videos, an index of any shape."""
        return Tokens(self.keys[videos], self.values[videos], self.mask[videos])


class CrossAttention(ScaledFeatures):
    """Attention of words to the rows of all experts, after SCAN (Lee et al., ECCV 2018, text to image).

    Rows of experts become tokens as in `teachtext.models.mmt.MMT`, and a transformer encoder lets them attend to one
    another. Every word w of the caption then attends to the tokens of one video, and gets a vector a_w. The score of
    the pair is a weighted mean over words:

        s = sum_w softmax_w(g(w)) <v_w, a_w> / (|v_w| |a_w|)

    g and v are linear in the word. The score is a cosine, as are the scores of two towers.

    Args:
        expert_dims: D by expert; any set of experts, any of which may be missing for any video.
        text_dim: D of a caption's rows.
        shared_dim: width of words and tokens.
        layers: of the transformer encoder of the video.
        heads: of attention; they divide `shared_dim`.
        feedforward: hidden width of each layer.
        dropout: of tokens, words and layers.
        feature_dropout: share of the standardised features that training drops.
        max_positions: see `teachtext.models.mmt.ExpertTokens`.

    Raises:
        ValueError: `heads` do not divide `shared_dim`.

    Example:
        >>> attention = CrossAttention(expert_dims={"audio": 128, "scene": 2208}, text_dim=384)
        >>> video = VideoBatch(
        ...     ["v1", "v2"],
        ...     {"audio": torch.randn(2, 9, 128), "scene": torch.randn(2, 1, 2208)},  # rows over time, padded
        ...     {"audio": torch.tensor([9, 0]), "scene": torch.tensor([1, 1])},  # v2 has no sound
        ... )
        >>> captions = TextBatch(["c1", "c2", "c3"], torch.randn(3, 7, 384), torch.tensor([7, 4, 5]))
        >>> words, tokens = attention.encode_text(captions), attention.encode_video(video)
        >>> attention(words, tokens).shape  # all pairs
        torch.Size([3, 2])
        >>> attention(words, tokens, torch.tensor([[0], [1], [0]])).shape  # a list of one video a caption
        torch.Size([3, 1])
    """

    def __init__(
        self,
        *,
        expert_dims: Mapping[str, int],
        text_dim: int,
        shared_dim: int = 128,
        layers: int = 1,
        heads: int = 4,
        feedforward: int = 256,
        dropout: float = 0.1,
        feature_dropout: float = 0.2,
        max_positions: int = 64,
    ) -> None:
        super().__init__(expert_dims=expert_dims, exponent=0.5, dropout=feature_dropout)
        if shared_dim % heads:
            raise ValueError(f"{heads} heads do not divide a shared_dim of {shared_dim}")
        self.heads = heads
        self.tokens = ExpertTokens(
            expert_dims=expert_dims, dim=shared_dim, max_positions=max_positions, dropout=dropout
        )
        self.transformer = transformer(shared_dim, layers, heads, feedforward, dropout)
        self.project = nn.Linear(text_dim, shared_dim)
        self.norm = nn.LayerNorm(shared_dim)
        self.word_dropout = nn.Dropout(dropout)
        self.query, self.key, self.value, self.attended, self.word = (
            nn.Linear(shared_dim, shared_dim) for _ in range(5)
        )
        self.importance = nn.Linear(shared_dim, 1)

    def encode_text(self, text: TextBatch) -> Words:
        """Return what C captions bring to any pair."""
        words = self.word_dropout(self.norm(F.normalize(self.project(text.tokens), dim=2)))
        mask = length_mask(text.lengths, text.tokens.shape[1])
        weights = self.importance(words)[..., 0].masked_fill(~mask, -torch.inf).softmax(dim=1)
        return Words(self._by_head(self.query(words)), F.normalize(self.word(words), dim=2), weights)

    def encode_video(self, video: VideoBatch) -> Tokens:
        """Return what B videos bring to any pair; a video without experts keeps its empty tokens."""
        tokens, mask = self.tokens(self.scaled(video))
        # attention to nothing is NaN
        mask = mask | ~mask.any(dim=1, keepdim=True)
        encoded = self.transformer(tokens, src_key_padding_mask=~mask)
        return Tokens(self._by_head(self.key(encoded)), self._by_head(self.value(encoded)), mask)

    def forward(self, words: Words, tokens: Tokens, columns: Tensor | None = None) -> Tensor:
        """Score C captions against B videos, or each caption against a list of them.

        Args:
            words: C captions.
            tokens: B videos.
            columns: (C, M) int64, the videos of each list; by default every list is all B videos.

        Returns:
            (C, M), in [-1, 1].
        """
        every = torch.arange(len(tokens.mask), device=tokens.mask.device)[None]
        lists = tokens.select(every if columns is None else columns)
        logits = words.queries[:, None] @ lists.keys.transpose(-1, -2) / lists.keys.shape[-1] ** 0.5
        # of every head of every word over the tokens: (C, M, heads, L, T)
        attention = logits.masked_fill(~lists.mask[:, :, None, None], -torch.inf).softmax(dim=-1)
        attended = self.attended((attention @ lists.values).transpose(2, 3).flatten(3))
        cosines = (F.normalize(attended, dim=-1) * words.vectors[:, None]).sum(dim=-1)
        return (cosines * words.weights[:, None]).sum(dim=-1)

    def _by_head(self, rows: Tensor) -> Tensor:
        """Return (N, T, D) as (N, heads, T, D / heads)."""
        return rows.view(*rows.shape[:2], self.heads, -1).transpose(1, 2)


@dataclass(frozen=True)
class SlowText:
    """C captions as a slow scorer reads them."""

    embedding: TextEmbedding
    words: Words


@dataclass(frozen=True)
class SlowVideo:
    """B videos as a slow scorer reads them."""

    embedding: VideoEmbedding
    tokens: Tokens


class CrossScorer(nn.Module):
    """A slow scorer of pairs: the mean of the similarity of two towers and of the score of a `CrossAttention`.

    Both parts are trained together, by the loss of their mean. The towers see a caption as a whole, the attention sees
    single words. What the attention makes of a pair cannot be kept for either side, so the scorer is for short lists.

    Args:
        towers: any retrieval model.
        attention: reads the same features.
    """

    def __init__(self, *, towers: RetrievalModel, attention: CrossAttention) -> None:
        super().__init__()
        self.towers = towers
        self.attention = attention

    def encode_text(self, text: TextBatch) -> SlowText:
        """Return what C captions bring to any pair."""
        return SlowText(self.towers.encode_text(text), self.attention.encode_text(text))

    def encode_video(self, video: VideoBatch) -> SlowVideo:
        """Return what B videos bring to any pair."""
        return SlowVideo(self.towers.encode_video(video), self.attention.encode_video(video))

    def scores(self, text: SlowText, video: SlowVideo, columns: Tensor | None = None) -> Tensor:
        """Score C captions against B videos, or each caption against a list of them.

        Args:
            text: C captions.
            video: B videos.
            columns: (C, M) int64, the videos of each list; by default every list is all B videos.

        Returns:
            (C, M), in [-1, 1] or `NOTHING_KNOWN`.
        """
        of_towers = similarity(text.embedding, video.embedding)
        described = video.embedding.described.expand_as(of_towers)
        if columns is not None:
            of_towers, described = of_towers.gather(1, columns), described.gather(1, columns)
        mean: Tensor = (of_towers + self.attention(text.words, video.tokens, columns)) / 2
        return mean.masked_fill(~described, NOTHING_KNOWN)

    def embed(self, batch: Batch) -> Scored:
        """Return the scores (B, B) of a batch, which training reads."""
        return Scored(self.scores(self.encode_text(batch.text), self.encode_video(batch.video)))
