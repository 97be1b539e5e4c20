"""How features were made, without the names of models: a hash of a model's files says which model made the values."""

from collections.abc import Mapping
from typing import Any

from teachtext.files import fingerprint

_NAMES = ("model", "revision")


def without_names(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return a provenance without the name, the place and the revision of a model whose files have a hash.

    So features of a model whose folder was renamed, or of another revision with the same files, belong together.

    Args:
        provenance: of features: encoder and settings.

    >>> without_names({"encoder": "hf:/my/clip", "settings": {"model": "clip", "files": "1a2b", "output": "frames"}})
    {'encoder': 'hf', 'settings': {'files': '1a2b', 'output': 'frames'}}
    >>> without_names({"encoder": "motion", "settings": {"model": "r3d"}})
    {'encoder': 'motion', 'settings': {'model': 'r3d'}}
    """
    settings = provenance.get("settings")
    if not isinstance(settings, Mapping) or "files" not in settings:
        return dict(provenance)
    return {
        **provenance,
        # `hf:my-clip#pooled`
        "encoder": str(provenance.get("encoder")).partition(":")[0],
        "settings": {key: value for key, value in settings.items() if key not in _NAMES},
    }


def maker_of(provenance: Mapping[str, Any]) -> str:
    """Return what an index keeps of the provenance of its features: a hash without the names of models."""
    return fingerprint(without_names(provenance))


def is_maker(kept: str, provenance: Mapping[str, Any]) -> bool:
    """Return whether an index keeps this maker of features; earlier versions kept a hash of the whole provenance.

    >>> here = {"encoder": "hf", "settings": {"model": "clip", "files": "1a2b"}}
    >>> moved = {"encoder": "hf", "settings": {"model": "my-clip", "files": "1a2b"}}
    >>> is_maker(maker_of(here), moved), is_maker(fingerprint(here), here), is_maker(maker_of({"encoder": "hf"}), here)
    (True, True, False)
    """
    return kept in (maker_of(provenance), fingerprint(provenance))
