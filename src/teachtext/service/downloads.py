"""Videos from other machines: only from hosts that the operator names, and never from inside the network by a trick.

A name leads where its owner wants, also to this machine. So a name is looked up once, all its addresses have to be
public, and the connection goes to an address that was checked. Redirects are followed by the same rules.
"""

import http.client
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from anyio import CapacityLimiter, fail_after
from anyio.to_thread import run_sync

from teachtext.errors import InputError
from teachtext.service.bodies import USUAL_PACE, Pace

_PORTS = {"http": 80, "https": 443}
_MOST_REDIRECTS = 5
_PIECE = 2**16
_THREADS = 2
# seconds until the content begins, after all redirects
_HEADS_S = 60.0
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)
# addresses of IPv6 that lead to one of IPv4
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotAllowed(InputError):
    """The operator of the service does not allow a path or an address."""


class Target(NamedTuple):
    """Where a video is fetched.

    Attributes:
        url: the whole address.
        parts: its parts.
        address: of the machine, checked.
        port: of the machine.
    """

    url: str
    parts: SplitResult
    address: str
    port: int


def check_hosts(hosts: Sequence[str]) -> list[str]:
    """Return hosts, with their ports where these are not the usual ones, as they are compared.

    Raises:
        InputError: a text is not a host.

    >>> check_hosts(["Videos.Example.org", "192.168.1.5:8080"])
    ['videos.example.org', '192.168.1.5:8080']
    """
    for host in hosts:
        if not _HOST.fullmatch(host.lower()):
            raise InputError(
                f"'{host}' is not a host", "write it as videos.example.org, or with a port: nas.local:8080"
            )
    return [host.lower() for host in hosts]


class Downloads:
    """Fetches videos.

    Args:
        hosts: from which videos may be fetched (see `check_hosts`). A host that is an address may be inside the
            network; a name has to lead outside.
        pace: how fast a video has to come in.
        most_s: seconds that one may take.
    """

    def __init__(self, hosts: Sequence[str], *, pace: Pace = USUAL_PACE, most_s: float = 3600.0) -> None:
        self._hosts = hosts
        self._pace = pace
        self._most_s = most_s
        self._threads: CapacityLimiter | None = None

    async def open(self, url: str) -> tuple[str, AsyncIterator[bytes]]:
        """Return the name of a video, and its content piece by piece.

        Raises:
            NotAllowed: the address, or one to which it redirects, is not allowed.
            InputError: the address does not answer with a file.
        """
        if self._threads is None:
            self._threads = CapacityLimiter(_THREADS)
        try:
            with fail_after(_HEADS_S):
                target, answer = await run_sync(self._ask, url, limiter=self._threads, abandon_on_cancel=True)
        except TimeoutError:
            raise InputError("the address does not answer", "try again later") from None
        return unquote(target.parts.path).rpartition("/")[2], self._pieces(answer)

    async def _pieces(self, answer: http.client.HTTPResponse) -> AsyncIterator[bytes]:
        begin, size, stated = time.monotonic(), 0, answer.length
        try:
            while True:
                piece = await run_sync(_read, answer, limiter=self._threads, abandon_on_cancel=True)
                if not piece:
                    break
                size += len(piece)
                seconds = time.monotonic() - begin
                is_slow = seconds > self._pace.silence_s and size < seconds * self._pace.bytes_per_s
                if is_slow or seconds > self._most_s:
                    raise InputError("the video comes in too slowly", "fetch it yourself, and send the file")
                yield piece
            if stated is not None and size < stated:
                raise InputError("the video broke off on its way", "try again")
        finally:
            answer.close()

    def _ask(self, url: str) -> tuple[Target, http.client.HTTPResponse]:
        for _ in range(_MOST_REDIRECTS + 1):
            target = self._checked(url)
            answer = _get(target, self._pace.silence_s)
            if answer.status == 200:
                return target, answer
            answer.close()
            if answer.status not in (301, 302, 303, 307, 308):
                raise InputError(f"the address answers with status {answer.status}", "check the address")
            url = urljoin(target.url, answer.getheader("Location", ""))
        raise InputError(f"the address redirects more than {_MOST_REDIRECTS} times", "give the last address")

    def _checked(self, url: str) -> Target:
        """Return where an address leads, if the operator allows it."""
        if not url.isprintable() or any(letter in url for letter in " \\") or not url.isascii():
            raise InputError("the address has letters that no address has", "write it as a browser shows it")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise InputError("the address cannot be read", "write it as https://example.org/video.mp4") from error
        scheme, host = parts.scheme, parts.hostname or ""
        if scheme not in _PORTS:
            raise NotAllowed(
                "only addresses of http and https are fetched", "send the file, or add a folder by its path"
            )
        if "@" in parts.netloc:
            raise NotAllowed("the address holds a name or a password", "leave them out")
        shown = f"[{host}]" if ":" in host else host
        names = [f"{shown}:{port or _PORTS[scheme]}"] + ([shown] if port in (None, _PORTS[scheme]) else [])
        if not set(names) & set(self._hosts):
            raise NotAllowed(
                f"videos are not fetched from '{names[-1][:200]}'",
                "ask the operator to allow it: serve --allow-host HOST",
            )
        return Target(url, parts, _public_address(host, port or _PORTS[scheme]), port or _PORTS[scheme])


def _public_address(host: str, port: int) -> str:
    """Return the address of a host that the operator named: the address itself, or the public one of a name."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InputError(f"nobody knows the host '{host[:200]}'", "check the address") from error
    addresses = [ipaddress.ip_address(str(place[0]).partition("%")[0]) for *_, place in places]
    if not addresses or not all(map(is_public, addresses)):
        raise NotAllowed(
            f"'{host[:200]}' leads into a private network", "have the operator allow the address itself, not a name"
        )
    return str(addresses[0])


def is_public(address: Address) -> bool:
    """Return whether an address is one of the public internet, also where it stands for another address.

    >>> [is_public(ipaddress.ip_address(text)) for text in ("93.184.216.34", "10.0.0.1", "::ffff:127.0.0.1")]
    [True, False, False]
    """
    inner: Sequence[Address | None] = ()
    if isinstance(address, ipaddress.IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64:
            inner = [*inner, ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
    return address.is_global and not address.is_multicast and all(each is None or is_public(each) for each in inner)


def _get(target: Target, silence_s: float) -> http.client.HTTPResponse:
    """Send a request to the address that was checked, and return the answer's head."""
    parts = target.parts
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection = _connection(target, silence_s)
        try:
            connection.request("GET", path, headers={"Accept-Encoding": "identity", "User-Agent": "teachtext"})
            return connection.getresponse()
        except BaseException:
            connection.close()
            raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _broken(error) from error


def _connection(target: Target, silence_s: float) -> http.client.HTTPConnection:
    host = str(target.parts.hostname)
    plain = socket.create_connection((target.address, target.port), timeout=silence_s)
    try:
        connection = http.client.HTTPConnection(f"[{host}]" if ":" in host else host, target.port, timeout=silence_s)
        secure = ssl.create_default_context() if target.parts.scheme == "https" else None
        connection.default_port = _PORTS[target.parts.scheme]
        connection.sock = secure.wrap_socket(plain, server_hostname=host) if secure else plain
    except BaseException:
        plain.close()
        raise
    return connection


def _read(answer: http.client.HTTPResponse) -> bytes:
    try:
        # what has come in: a full piece may never come
        return answer.read1(_PIECE)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _broken(error) from error


def _broken(error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or type(error).__name__
    return InputError(
        f"the video cannot be fetched ({reason})", "check the address, or fetch it yourself and send the file"
    )
