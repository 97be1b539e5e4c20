"""The authors' published archives: pickles in odd places, read without running anything, turned into a dataset."""

from teachtext.originals.archive.importing import import_archive
from teachtext.originals.archive.record import Imported, Row

__all__ = ["Imported", "Row", "import_archive"]
