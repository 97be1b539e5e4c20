"""How a shared-space model was trained to see a text: its case, its punctuation and the prompt around it."""

import re
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, kw_only=True)
class TextForm:
    """The form of a text before the tokenizer. Needs neither torch nor transformers.

    Attributes:
        lower: the text is in lower case.
        without_punctuation: punctuation is left out, and spaces are joined.
        before: the prompt before the text.
        after: the prompt after the text, which a cut text keeps.

    >>> TextForm(lower=True, without_punctuation=True, before="find: ").prompted("A red,  car!")
    'find: a red car'
    """

    lower: bool = False
    without_punctuation: bool = False
    before: str = ""
    after: str = ""

    def prepared(self, text: str) -> str:
        """Return a text without its prompt."""
        text = text.lower() if self.lower else text
        return re.sub(r"\s+", " ", text.translate(_PUNCTUATION)).strip() if self.without_punctuation else text

    def prompted(self, text: str) -> str:
        """Return a whole text in its prompt."""
        return f"{self.before}{self.prepared(text)}{self.after}"

    def fitting(
        self,
        text: str,
        most: int,
        *,
        ids_of: Callable[[str], Sequence[int]],
        text_of: Callable[[Sequence[int]], str],
    ) -> str:
        """Return a text in its prompt, cut where the prompt ends behind it: a tokenizer would cut the prompt.

        Args:
            text: the text.
            most: tokens of the text that are kept.
            ids_of: returns the tokens of a text, without special ones.
            text_of: returns the text of tokens.
        """
        if self.after and len(ids := ids_of(self.prepared(text))) > most:
            return f"{self.before}{text_of(ids[:most])}{self.after}"
        return self.prompted(text)
