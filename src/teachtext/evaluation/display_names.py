"""Short names of experts and text encoders, for tables and figures."""

from collections import Counter
from collections.abc import Iterable


def short_names(specs: Iterable[str]) -> dict[str, str]:
    """Return a name for each spec: the short name, or the whole spec where two specs have the same short name.

    >>> short_names(["clip:/models/a/vit", "clip:/models/b/vit", "clip:/models/c/rn"])["clip:/models/c/rn"]
    'clip:rn'
    """
    short = {spec: short_name(spec) for spec in specs}
    uses = Counter(short.values())
    return {spec: name if uses[name] == 1 else spec for spec, name in short.items()}


def short_name(spec: str) -> str:
    """Return a spec without the path of its local folder.

    >>> short_name("clip:/models/vit#pooled"), short_name("clip:openai/vit")
    ('clip:vit#pooled', 'clip:openai/vit')
    """
    name, colon, rest = spec.partition(":")
    model, mark, output = rest.partition("#")
    return f"{name}:{model.rpartition('/')[2]}{mark}{output}" if colon and model.startswith("/") else spec
