"""Imports the authors' published feature archives as datasets. Their pickles are read without running any code."""

from teachtext.originals.archive.importing import import_archive
from teachtext.originals.archive.report import ArchiveEntry, ImportReport

__all__ = ["ArchiveEntry", "ImportReport", "import_archive"]
