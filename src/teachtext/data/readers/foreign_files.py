"""Files that people give where captions are wanted: archives, web pages, pointers and lists, and how to go on."""

from itertools import islice

from teachtext.data.readers.annotations import some
from teachtext.data.readers.source import SourceFile
from teachtext.data.readers.split_lists import read_ids
from teachtext.data.restricted.tar import is_tar, tar_files
from teachtext.errors import InputError

PACKED_ENDINGS = frozenset({".gz", ".zip", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst", ".xlsx", ".xls", ".ods"})
"""Endings of archives and workbooks, which are not looked into."""

_UNPACK = "unpack it, and give the file or folder that comes out"
_SHEET = "save the sheet as CSV UTF-8"
_BEGINNINGS = (
    (b"\x1f\x8b", "it is packed with gzip", _UNPACK),
    (b"BZh", "it is packed with bzip2", _UNPACK),
    (b"\xfd7zXZ", "it is packed with xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "it is packed with zstd", _UNPACK),
    (b"7z\xbc\xaf", "it is a 7z archive", _UNPACK),
    (b"Rar!", "it is a rar archive", _UNPACK),
    (b"\xd0\xcf\x11\xe0", "it is a document of Office", _SHEET),
    (b"%PDF", "it is a PDF", "give the captions as text"),
    (b"version https://git-lfs", "it is a pointer of Git LFS, and not the file itself", "fetch it with 'git lfs pull'"),
)
_SHEET_SIGNS = (b"xl/", b"spreadsheet")
_PAGES = (b"<!doctype html", b"<html")
_SHOWN = 3


def kind_of(source: SourceFile) -> tuple[str, str] | None:
    """Return what a file without captions is, and how to go on; None where that is not known."""
    for beginning, kind, mend in _BEGINNINGS:
        if source.head.startswith(beginning):
            return kind, mend
    if source.head.startswith(b"PK\x03\x04"):
        is_sheet = any(sign in source.head for sign in _SHEET_SIGNS)
        return ("it is a workbook", _SHEET) if is_sheet else ("it is a zip archive", _UNPACK)
    if source.head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGES):
        return "it is a web page", "download the file itself"
    if is_tar(source.head):
        return _tar(source)
    # words of one line may be anything
    ids = read_ids(source) if len(source.first_lines) > 1 else None
    if ids:
        return f"it is a list of {len(ids):,} ids without captions ({some(ids)})", "give the file with the captions"
    return None


def _tar(source: SourceFile) -> tuple[str, str]:
    mend = "name the files of a video alike: 000.mp4 with 000.txt or 000.json"
    try:
        names = [name for name, _ in islice(tar_files(source.path), _SHOWN)]
    except InputError as error:
        return error.problem, error.mend
    return f"it is a tar without captions of its videos ({', '.join(names) or 'empty'})", mend
