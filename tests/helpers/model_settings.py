"""Settings of small models, for each kind only those that the kind has."""

from typing import Any

SMALL: dict[str, dict[str, Any]] = {
    "ce": {"shared_dim": 16, "text_clusters": 2},
    "moee": {"text_clusters": 2},
    "concat": {"text_clusters": 2},
    "mmt": {"shared_dim": 16, "text_clusters": 2, "layers": 1, "feedforward": 16},
    "pooled": {"shared_dim": 16},
}
