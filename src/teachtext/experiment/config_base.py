"""What the parts of a config have in common."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.encoders.spec import located

# a letter or digit first: the names become folders, and "..", "." or "-x" would not be ones
NAME = r"^\w[\w.-]*$"


def _expert(spec: str, info: ValidationInfo) -> str:
    return VIDEO_EXPERTS.full_spec(spec, _folder(info)) if ":" in spec else spec


def _text(spec: str, info: ValidationInfo) -> str:
    return located(spec, _folder(info))


def _folder(info: ValidationInfo) -> Path:
    """Return the folder of the config file, from which local folders of models are seen."""
    return info.context["folder"] if info.context else Path()


# written in full, so that the same one is called the same everywhere in a run
ExpertName = Annotated[str, Field(pattern=r"^(\w[\w.-]*|hf:.+)$"), AfterValidator(_expert)]
TextName = Annotated[str, AfterValidator(_text)]


class Config(BaseModel):
    """Settings that cannot change, with no key that nobody reads."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
