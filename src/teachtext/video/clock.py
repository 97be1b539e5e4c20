"""The times of a stream's frames, which go on where the clock of a file is set back."""

from typing import Any

# packets of a stream are in order in a file, but for jitter
_SET_BACK_S = 1.0


class Clock:
    """Gives each frame of a stream a time. Recordings that were appended to one another follow each other.

    Args:
        start_s: time of a first frame that has no time.
    """

    def __init__(self, start_s: float = 0.0) -> None:
        self._start_s = start_s
        self._last_s: float | None = None
        self._last_packet_s = float("-inf")
        self._was_set_back = False
        self._ahead_s = 0.0

    def see(self, packet: Any) -> None:
        """Look at the next packet of the stream, before it is decoded."""
        if packet.dts is None or not packet.time_base:
            return
        packet_s = float(packet.dts * packet.time_base)
        self._was_set_back = self._was_set_back or packet_s < self._last_packet_s - _SET_BACK_S
        self._last_packet_s = packet_s

    def seconds(self, at_s: float | None, usual_s: float) -> float:
        """Return the time of the next frame.

        Args:
            at_s: its time by the file; None where it has none.
            usual_s: seconds between two frames.
        """
        follows_s = self._start_s if self._last_s is None else self._last_s + usual_s
        if at_s is None:
            self._last_s = follows_s
            return follows_s
        # frames of before may still come out of the decoder
        if self._was_set_back and at_s + self._ahead_s < follows_s - _SET_BACK_S:
            self._ahead_s, self._was_set_back = follows_s - at_s, False
        self._last_s = at_s + self._ahead_s
        return self._last_s
