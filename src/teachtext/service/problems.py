"""Errors as the service answers them: an HTTP status, a problem and its mend, without a path of the server."""

import re
from collections.abc import Iterable
from pathlib import Path

from teachtext.errors import Busy, InputError, NotFound, Unavailable, Unwritable
from teachtext.service.bodies import TooLarge, TooSlow
from teachtext.service.downloads import NotAllowed

# an absolute path, perhaps as a URL; not the end of a longer word or address, and not a route of the API
_PATH = re.compile(r"(?<![\w.~:/-])(?:file:/{0,2})?/(?!api/)(?:[^\s/'\"(),:;<>]+/)+([^\s/'\"(),:;<>]*)")


class ServerPaths:
    """Takes the paths of the server out of texts: of a path, the last name stays.

    Args:
        folders: folders of the service, whose names may have spaces.

    >>> ServerPaths([Path("/srv/my index")]).hidden("/srv/my index/uploads/a.mp4 is gone, see /root/x/y.rs:3")
    'uploads/a.mp4 is gone, see y.rs:3'
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        names = {str(path) for folder in folders for path in (folder.absolute(), folder.resolve())} - {"/"}
        longest_first = sorted(names, key=len, reverse=True)
        self._folders = [
            (re.compile(rf"(?:file:/{{0,2}})?{re.escape(name)}(/|(?![\w.-]))"), Path(name).name)
            for name in longest_first
        ]

    def hidden(self, text: str) -> str:
        """Return a text without the paths."""
        for folder, name in self._folders:
            text = folder.sub(lambda match, name=name: "" if match[1] else name, text)  # type: ignore[misc]
        return _PATH.sub(lambda match: match[1] or "a folder", text)

    def error(self, error: InputError) -> InputError:
        """Return an error without the paths."""
        return InputError(self.hidden(error.problem), self.hidden(error.mend))


def status_of(error: InputError) -> int:
    """Return the HTTP status of an error."""
    kinds: list[tuple[type[InputError], int]] = [
        (NotFound, 404),
        (NotAllowed, 403),
        (TooSlow, 408),
        (Busy, 409),
        (TooLarge, 413),
        (Unwritable, 507),
        (Unavailable, 503),
    ]
    return next((status for kind, status in kinds if isinstance(error, kind)), 422)
