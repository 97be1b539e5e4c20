"""How many requests a client may send in a time, by a clock that nobody sets back."""

import ipaddress
import math
import re
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import NamedTuple

from teachtext.errors import InputError

_SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
_RATE = re.compile(rf"(\d{{1,9}})/({'|'.join(_SECONDS)})", re.ASCII)
# clients whose requests are remembered; the one that was silent for longest is forgotten first
_CLIENTS = 20_000
# a network of one household or one machine; its addresses cost nothing
_IPV6_PREFIX = 64


class Rate(NamedTuple):
    """A number of requests in any `seconds` that follow one another."""

    amount: int
    seconds: float


def rate_of(text: str) -> Rate | None:
    """Parse a rate, such as `600/minute`, or `none`.

    Raises:
        InputError: the text is not a rate.

    >>> rate_of("600/minute")
    Rate(amount=600, seconds=60.0)
    """
    if text == "none":
        return None
    match = _RATE.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise InputError(f"rate '{text}' is not understood", "write 600/minute, 10/second or none")
    return Rate(int(match[1]), _SECONDS[match[2]])


class RateLimiter:
    """Counts the requests of each client in a moving window.

    Args:
        rate: what each client may send.
        clock: seconds that only grow.
    """

    def __init__(self, rate: Rate, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def hit(self, client: str) -> int:
        """Count a request, and return 0; or return the seconds to wait, and count nothing."""
        wait = self.wait(client)
        if not wait:
            self._times.setdefault(client, deque()).append(self._clock())
            self._times.move_to_end(client)
            if len(self._times) > _CLIENTS:
                self._times.popitem(last=False)
        return wait

    def wait(self, client: str) -> int:
        """Return the whole seconds until a client may send a request; 0 if it may now."""
        times, now = self._times.get(client), self._clock()
        while times and times[0] <= now - self._rate.seconds:
            times.popleft()
        if times is None or len(times) < self._rate.amount:
            return 0
        return max(1, math.ceil(times[0] + self._rate.seconds - now))


def client_of(address: str) -> str:
    """Return what stands for the client at an address: the address, or the network of an IPv6 address.

    >>> client_of("2001:db8::1") == client_of("2001:db8::ffff:2"), client_of("192.0.2.1")
    (True, '192.0.2.1')
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))
