"""Features that people bring: one reader a container, one registry, and one way into a feature store."""

from teachtext.data.feature_import.importing import (
    FeatureSource,
    import_features,
    import_notes,
    open_features,
    store_arrays,
)

__all__ = ["FeatureSource", "import_features", "import_notes", "open_features", "store_arrays"]
