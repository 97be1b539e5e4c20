"""Whether features of texts and videos lie in one space, by what their provenance says of their encoders."""

from collections.abc import Mapping

from teachtext.data.store import FeatureFile
from teachtext.errors import InputError


def check_one_space(text: FeatureFile, experts: Mapping[str, FeatureFile], *, name: str) -> None:
    """Refuse features of texts and videos whose encoders are not of one shared-space model.

    Features that came from elsewhere say nothing of their encoder. Where all of them did, they are taken as aligned.

    Args:
        text: features of the captions.
        experts: features of the videos, by expert.
        name: spec of the text encoder, for the message.

    Raises:
        InputError: an encoder of this package made some of them, and they are not of one model.
    """
    if all(_elsewhere(file) for file in (text, *experts.values())):
        return
    for expert, file in experts.items():
        if _space(file) is None or _space(file) != _space(text):
            model = expert.partition("#")[0] if _space(file) else "hf:ID"
            raise InputError(
                f"'identity_start' needs texts and videos in one space, and the text encoder '{name}' and the expert "
                f"'{expert}' are not of one shared-space model",
                f"give text '{model}#shared' and the expert '{model}' alone, or leave 'identity_start' out",
            )


def _elsewhere(file: FeatureFile) -> bool:
    return "encoder" not in file.provenance


def _space(file: FeatureFile) -> tuple[str, str] | None:
    """Return the family and the hash of the files of the shared-space model that made features."""
    settings = file.provenance.get("settings", {})
    return (settings["space"], settings["files"]) if "space" in settings else None
