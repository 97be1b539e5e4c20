"""What the parts of a config have in common."""

from pydantic import BaseModel, ConfigDict

# a letter or digit first: the names become folders, and "..", "." or "-x" would not be ones
NAME = r"^\w[\w.-]*$"


class Config(BaseModel):
    """Settings that cannot change, with no key that nobody reads."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
