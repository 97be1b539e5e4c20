"""What was computed of the last texts: a query that comes again is not computed again."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """The values of texts, of which the last are kept. Threads may share it: they take turns.

    Args:
        compute: returns the values of texts that are computed together.
        most: so many values are kept.
        together: at most so many texts are computed together.

    >>> lengths = Remembered(lambda texts: [len(text) for text in texts], most=2)
    >>> lengths.of(["a dog", "a", "a dog"])
    [5, 1, 5]
    """

    def __init__(self, compute: Callable[[Sequence[str]], Sequence[Value]], *, most: int, together: int = 512) -> None:
        self._compute = compute
        self._most = most
        self._together = together
        self._lock = Lock()
        self._values: OrderedDict[str, Value] = OrderedDict()

    def of(self, texts: Sequence[str]) -> list[Value]:
        """Return the value of each text; of those that are not kept, each is computed once."""
        with self._lock:
            values = {text: self._values[text] for text in texts if text in self._values}
            missing = [text for text in dict.fromkeys(texts) if text not in values]
            for start in range(0, len(missing), self._together):
                part = missing[start : start + self._together]
                values |= zip(part, self._compute(part), strict=True)
            for text in texts:
                self._values[text] = values[text]
                self._values.move_to_end(text)
                if len(self._values) > self._most:
                    self._values.popitem(last=False)
        return [values[text] for text in texts]
