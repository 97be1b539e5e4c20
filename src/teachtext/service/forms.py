"""Files in forms, passed on while they come in: nothing is kept in memory or in a temporary folder."""

import re
from collections.abc import AsyncIterator, Mapping
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from teachtext.errors import InputError

_MEND = "send the form of the upload page: multipart/form-data with a file"
_LONGEST_HEADERS = 16 * 2**10
# as RFC 5987 writes names that are not ASCII, which some clients send
_ENCODED_NAME = re.compile(rb"(?i);\s*filename\*=utf-8'[^']*'([^;\s]+)")


def is_form(request: Request) -> bool:
    """Return whether the body of a request states that it is a form with files."""
    return _form_boundary(request) is not None


def _form_boundary(request: Request) -> bytes | None:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    return options.get(b"boundary", b"") if kind == b"multipart/form-data" else None


async def sent_file(request: Request, name: str | None) -> tuple[str, AsyncIterator[bytes]]:
    """Return the name and the content of the file that a request sends: as its body, or in a form.

    Args:
        request: has a body that nobody has read.
        name: of the file, as the address states it; in a form the file may bring its own.

    Raises:
        InputError: the file has no name, or the form has no file.
    """
    if is_form(request):
        file = FileOfForm(request)
        await file.begin()
        return name or file.name, file.chunks()
    if name is None:
        raise InputError("the file has no name", f"add the name to the address: {request.url.path}?name=clip.mp4")
    return name, request.stream()


class FileOfForm:
    """The first file of a multipart form.

    Args:
        request: has a body that nobody has read.

    Attributes:
        name: name of the file, after `begin`.

    Raises:
        InputError: the request is not a multipart form.
    """

    def __init__(self, request: Request) -> None:
        boundary = _form_boundary(request)
        # RFC 2046
        if boundary is None or not 1 <= len(boundary) <= 70:
            raise InputError("the request is not a form with a file", _MEND)
        self.name = ""
        self._body = request.stream()
        self._header = (b"", b"")
        self._headers: dict[bytes, bytes] = {}
        self._is_file = self._is_whole = False
        self._others = 0
        self._content = bytearray()
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._take_field,
                "on_header_value": self._take_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._take_data,
                "on_part_end": self._end_part,
            },
        )

    async def begin(self) -> None:
        """Read up to the content of the file.

        Raises:
            InputError: the form has no file, or cannot be read.
        """
        async for chunk in self._body:
            self._parse(chunk)
            if self._is_file:
                return
        raise InputError("the form has no file", _MEND)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the content of the file, and pass over the rest of the form.

        Raises:
            InputError: the form ends before the file does, or holds another file.
        """
        yield self._taken()
        async for chunk in self._body:
            self._parse(chunk)
            yield self._taken()
        if not self._is_whole:
            raise InputError("the form ends before its file does", "send the form again")
        if self._others:
            raise InputError(f"the form has {self._others + 1:,} files", "send a form for each file")

    def _taken(self) -> bytes:
        content = bytes(self._content)
        self._content.clear()
        return content

    def _parse(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise InputError("the form cannot be read", _MEND) from error

    @property
    def _is_open(self) -> bool:
        return self._is_file and not self._is_whole

    def _begin_part(self) -> None:
        self._headers.clear()
        self._header = (b"", b"")

    def _take_field(self, data: bytes, start: int, end: int) -> None:
        self._extend_header(data[start:end], b"")

    def _take_value(self, data: bytes, start: int, end: int) -> None:
        self._extend_header(b"", data[start:end])

    def _extend_header(self, field: bytes, value: bytes) -> None:
        self._header = (self._header[0] + field, self._header[1] + value)
        if sum(map(len, (*self._header, *self._headers, *self._headers.values()))) > _LONGEST_HEADERS:
            raise InputError("the headers of the form are too long", _MEND)

    def _end_header(self) -> None:
        field, value = self._header
        self._headers[field.lower()] = value
        self._header = (b"", b"")

    def _end_headers(self) -> None:
        name = _file_name(self._headers)
        if self._is_file:
            # a form of a page may have empty fields for further files
            self._others += bool(name)
        elif name is not None:
            self.name, self._is_file = name, True

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_open:
            self._content += data[start:end]

    def _end_part(self) -> None:
        self._is_whole = self._is_file


def _file_name(headers: Mapping[bytes, bytes]) -> str | None:
    """Return the name of the file of a part, or None if the part is no file."""
    header = headers.get(b"content-disposition", b"")
    _, options = parse_options_header(header)
    name = options.get(b"filename")
    if name is None and (encoded := _ENCODED_NAME.search(header)):
        name = unquote_to_bytes(encoded[1])
    return None if name is None else name.decode("utf-8", "replace")
