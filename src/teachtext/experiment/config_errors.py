"""The first error of a config in one sentence: the key, and the values that are allowed there."""

import difflib
import reprlib
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError


def explain(error: ValidationError, config: type[BaseModel]) -> str:
    """Return one sentence on the first error: the key, and the values that are allowed there.

    Args:
        error: from the validation of a config.
        config: the class of that config.
    """
    # a misspelt key is also a missing one, and the misspelt one is easier to mend
    first = min(error.errors(), key=lambda detail: detail["type"] != "extra_forbidden")
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        *parents, key = first["loc"]
        allowed = _fields_at(parents, config)
        close = difflib.get_close_matches(str(key), allowed, n=1)
        hint = f" (did you mean '{close[0]}'?)" if close else ""
        return f"'{where}' is not a setting{hint}; allowed here: {', '.join(allowed)}"
    if first["type"] == "missing":
        return f"'{where}' is missing"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "model_type":
        message = f"it needs settings of its own: {', '.join(_fields_at(list(first['loc']), config))}"
    if first["type"] == "string_pattern_mismatch":
        message = "use letters, digits, '_', '-' and '.', and neither '-' nor '.' first"
        message += ", or write hf:<model id or local folder>" if "hf:" in first["ctx"]["pattern"] else ""
    if first["input"] is None:
        return f"'{where}' is empty: {message}"
    if isinstance(first["input"], dict | list):
        return f"'{where}': {message}" if where else message
    return f"'{where}' is {reprlib.repr(first['input'])}: {message}" if where else message


def _fields_at(location: list[int | str], model: type[BaseModel]) -> list[str]:
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (list, Union, UnionType):
        return next((model for part in get_args(annotation) if (model := _model_in(part))), None)
    return None
