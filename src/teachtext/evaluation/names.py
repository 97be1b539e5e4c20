"""What experts and text encoders are called in tables and plots."""

from collections import Counter
from collections.abc import Iterable


def short_names(specs: Iterable[str]) -> dict[str, str]:
    """Return what each spec is called: its short name, where no other one has the same."""
    short = {spec: short_name(spec) for spec in specs}
    times = Counter(short.values())
    return {spec: name if times[name] == 1 else spec for spec, name in short.items()}


def short_name(spec: str) -> str:
    """Return a spec without the path of the local folder in it."""
    name, colon, rest = spec.partition(":")
    model, mark, output = rest.partition("#")
    return f"{name}:{model.rpartition('/')[2]}{mark}{output}" if colon and model.startswith("/") else spec
