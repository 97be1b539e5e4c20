"""Results by the language of the captions."""

from collections.abc import Mapping, Sequence
from typing import Any

from teachtext.data.protocol import Caption
from teachtext.evaluation.compare import Pair, compare_parts
from teachtext.evaluation.metrics import Metrics, metrics_from_ranks
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.results import LanguageResults


def languages_of(captions: Sequence[Caption]) -> dict[str, list[str]]:
    """Return by language the ids of its captions, English first; empty where all are in one language.

    >>> captions = [Caption("a#0.de", "a", "ein Hund", "de"), Caption("a#0", "a", "a dog")]
    >>> languages_of(captions), languages_of(captions[1:])
    ({'en': ['a#0'], 'de': ['a#0.de']}, {})
    """
    ids: dict[str, list[str]] = {}
    for caption in captions:
        ids.setdefault(caption.language, []).append(caption.id)
    ordered = sorted(ids, key=lambda language: (language != "en", language))
    return {language: ids[language] for language in ordered} if len(ids) > 1 else {}


def metrics_by_language(ranks: QueryRanks, languages: Mapping[str, Sequence[str]]) -> dict[str, Metrics]:
    """Return by language the text-to-video metrics of a model; the gallery has all videos.

    Args:
        ranks: of the model.
        languages: caption ids by language.
    """
    return {language: metrics_from_ranks(ranks.of_captions(ids).t2v) for language, ids in languages.items()}


def results_by_language(
    pairs: Sequence[Pair],
    ranks: Mapping[str, Sequence[QueryRanks]],
    languages: Mapping[str, Sequence[str]],
    **settings: Any,
) -> list[LanguageResults]:
    """Return the results of a study for each language. The comparisons of all languages are one family (Holm).

    Args:
        pairs: the compared rows, by their labels.
        ranks: by label, on the test split, one a seed. Rows that were not tested on all these captions are left out.
        languages: caption ids by language.
        settings: of `significance.compare`.
    """
    every = {caption_id for ids in languages.values() for caption_id in ids}
    ranks = {label: by_seed for label, by_seed in ranks.items() if every <= {*by_seed[0].caption_ids}}
    split = {
        language: {label: [seed.of_captions(ids) for seed in by_seed] for label, by_seed in ranks.items()}
        for language, ids in languages.items()
    }
    compared = compare_parts(pairs, split, **settings)
    return [
        LanguageResults(
            language=language,
            captions=len(ids),
            rows={
                label: [metrics_from_ranks(seed.t2v).as_dict() for seed in by_seed]
                for label, by_seed in split[language].items()
            },
            comparisons=compared[language],
        )
        for language, ids in languages.items()
    ]
