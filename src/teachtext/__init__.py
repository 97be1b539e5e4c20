"""TeachText: find videos with words.

Captions and videos become features, features become embeddings, embeddings become a similarity matrix
(rows = texts, columns = videos). Everything else pushes on that matrix, reads it, or serves it.
"""

__version__ = "0.1.0"
