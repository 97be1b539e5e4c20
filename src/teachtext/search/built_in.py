"""What the built-in model is, in one line, with a better model that is on this machine already, if there is one."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from teachtext.encoders.shared_space.families import FAMILIES

# folders that are looked into
_MOST = 200
_RUNS, _RESULTS = Path("runs"), "results.json"


def about_model(identity: Mapping[str, Any]) -> str:
    """Return a sentence on the built-in model and on what finds more; empty for any other model.

    Nothing is downloaded, and no model is loaded.

    Args:
        identity: of the model of an index (see `Embedder.identity`).

    >>> about_model({"kind": "trained"})
    ''
    """
    if identity["kind"] != "classnames":
        return ""
    better = next(_trained(), None) or next(_cached(), None)
    hint = f", such as --model {better}, to 'teachtext index'" if better else ""
    return f"the built-in model finds things by the names of 1,000 object classes; for open words give --model{hint}"


def _trained() -> Iterator[str]:
    """Yield the folders of runs that end in the working folder, the newest first."""
    with suppress(OSError):
        results = list(islice(_RUNS.glob(f"*/{_RESULTS}"), _MOST))
        for path in sorted(results, key=lambda path: -path.stat().st_mtime):
            yield str(path.parent)


def _cached() -> Iterator[str]:
    """Yield the shared-space models in the cache of the Hugging Face hub."""
    with suppress(OSError):
        for folder in islice(sorted(_hub_cache().glob("models--*/snapshots/*")), _MOST):
            if _is_shared(folder) and any(folder.glob("*.safetensors")):
                yield "hf:" + folder.parents[1].name.removeprefix("models--").replace("--", "/", 1)


def _hub_cache() -> Path:
    """Return where the client of the hub keeps models; the client itself takes long to import."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub").expanduser()


def _is_shared(folder: Path) -> bool:
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and config.get("model_type") in FAMILIES
