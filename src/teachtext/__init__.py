"""TeachText: find videos with words.

Captions and videos become features, features become embeddings, embeddings become a similarity matrix
(rows = texts, columns = videos). Losses and teachers shape that matrix, metrics read it, and search serves it.

The names below are imported when they are first used, so that `import teachtext` takes no time and needs no torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from teachtext.api.adapt import adapt
    from teachtext.api.client import Connection, connect
    from teachtext.api.embeddings import EncodedTexts, EncodedVideos
    from teachtext.api.experiments import Experiment, evaluate, extract, metrics, run, study
    from teachtext.api.load import load
    from teachtext.api.model import Model
    from teachtext.api.open_index import index, open_index
    from teachtext.api.video_index import Index
    from teachtext.errors import InputError
    from teachtext.evaluation.metrics import Metrics
    from teachtext.evaluation.results import Results
    from teachtext.experiment.adapt.adapt import Adapted
    from teachtext.experiment.evaluate import Evaluation
    from teachtext.extraction.extract import Extraction
    from teachtext.learning.teachtext import TeachText
    from teachtext.search.answer import SearchResult

_MODULES = {
    "Adapted": "teachtext.experiment.adapt.adapt",
    "Connection": "teachtext.api.client",
    "EncodedTexts": "teachtext.api.embeddings",
    "EncodedVideos": "teachtext.api.embeddings",
    "Evaluation": "teachtext.experiment.evaluate",
    "Experiment": "teachtext.api.experiments",
    "Extraction": "teachtext.extraction.extract",
    "Index": "teachtext.api.video_index",
    "InputError": "teachtext.errors",
    "Metrics": "teachtext.evaluation.metrics",
    "Model": "teachtext.api.model",
    "Results": "teachtext.evaluation.results",
    "SearchResult": "teachtext.search.answer",
    "TeachText": "teachtext.learning.teachtext",
    "adapt": "teachtext.api.adapt",
    "connect": "teachtext.api.client",
    "evaluate": "teachtext.api.experiments",
    "extract": "teachtext.api.experiments",
    "index": "teachtext.api.open_index",
    "load": "teachtext.api.load",
    "metrics": "teachtext.api.experiments",
    "open_index": "teachtext.api.open_index",
    "run": "teachtext.api.experiments",
    "study": "teachtext.api.experiments",
}

__all__ = [
    "Adapted",
    "Connection",
    "EncodedTexts",
    "EncodedVideos",
    "Evaluation",
    "Experiment",
    "Extraction",
    "Index",
    "InputError",
    "Metrics",
    "Model",
    "Results",
    "SearchResult",
    "TeachText",
    "__version__",
    "adapt",
    "connect",
    "evaluate",
    "extract",
    "index",
    "load",
    "metrics",
    "open_index",
    "run",
    "study",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module 'teachtext' has no attribute '{name}'")
    value = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
