"""Settings whose values are the names of a table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class NameIn:
    """Marks a setting that is a key of a table: `Annotated[str, NameIn(OPTIMIZERS)]`.

    The keys are read when the setting is validated: the table is the only list of the choices.

    Args:
        table: choices by name.

    >>> from typing import Annotated
    >>> from pydantic import TypeAdapter
    >>> TypeAdapter(Annotated[str, NameIn({"a": 1, "b": 2})]).json_schema()["enum"]
    ['a', 'b']
    """

    table: Mapping[str, object]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of one of the names."""
        return core_schema.literal_schema(list(self.table))
