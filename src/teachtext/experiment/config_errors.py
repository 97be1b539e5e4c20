"""The first error of a config in one sentence: the key, and the values that are allowed there."""

import difflib
import reprlib
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

_WHOLE, _NUMBER, _FLAG = "write a whole number", "write a number", "write true or false"
# so many settings are not listed where one of them is close to what was written
_MOST_LISTED = 24
_SENTENCES = {
    "bool_parsing": _FLAG,
    "bool_type": _FLAG,
    "dict_type": "write 'key: value' lines",
    "finite_number": "write a finite number",
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "greater_than": "the number has to be above {gt}",
    "greater_than_equal": "the number has to be at least {ge}",
    "int_from_float": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": "write a smaller whole number",
    "int_type": _WHOLE,
    "invalid_key": "write the key as a text, in quotation marks",
    "is_instance_of": "write a list: [first, second]",
    "less_than": "the number has to be below {lt}",
    "less_than_equal": "the number has to be at most {le}",
    "list_type": "write a list: [first, second]",
    "literal_error": "choose from {expected}",
    "path_type": "write a path",
    "sequence_str": "write a list: [first, second]",
    "string_too_short": "the text needs at least {min_length} letters",
    "string_type": "write a text",
    "too_long": "the list has {actual_length} entries and may have {max_length}",
    "too_short": "the list has {actual_length} entries and needs at least {min_length}",
    "tuple_type": "write a list: [first, second]",
}
"""By type of error of pydantic, what has to be written."""


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
        problem = f"'{where}' is not a setting" + (f" (did you mean '{close[0]}'?)" if close else "")
        is_long = len(allowed) > _MOST_LISTED and bool(close)
        return problem if is_long else f"{problem}; allowed here: {', '.join(allowed)}"
    if first["type"] == "missing":
        return f"'{where}' is missing"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] in _SENTENCES:
        message = _SENTENCES[first["type"]].format(**first.get("ctx", {}))
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
