"""Configs as files: read, validated with errors of one sentence, and written with every default filled in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from teachtext.errors import InputError
from teachtext.experiment.config import RunConfig
from teachtext.experiment.config_data import Config
from teachtext.experiment.config_errors import explain
from teachtext.yaml_files import read_yaml

_EXAMPLE = "see 'teachtext recipe NAME'"
_Settings = TypeVar("_Settings", bound=Config)


def load_config(path: Path) -> RunConfig:
    """Read and validate a config; its paths become absolute, those of data from the config file's own folder.

    Raises:
        InputError: naming the key and the allowed values.
    """
    return run_config(read_settings(path), where=str(path), folder=path.parent)


def run_config(
    values: Mapping[str, Any], *, where: str, folder: Path, inherited: Mapping[str, Any] | None = None
) -> RunConfig:
    """Validate the settings of a run.

    Args:
        values: settings as read from YAML.
        where: the name of their source in error messages.
        folder: the folder that paths of data are relative to.
        inherited: model settings of a base with another kind of model; this kind need not have them.

    Raises:
        InputError: naming the place, the key and the allowed values.
    """
    config = validated(RunConfig, values, where, folder, inherited)
    try:
        return config.model_copy(update={"work": config.folder.resolve()})
    except ValueError as error:
        raise InputError(f"{where} names a path that cannot be ({error})", "correct that path") from error


def read_settings(path: Path) -> dict[str, Any]:
    """Read the settings in a YAML file.

    Raises:
        InputError: it cannot be read, or holds something else.
    """
    values = read_yaml(path)
    if not isinstance(values, dict):
        raise InputError(f"{path} is not a config", f"write 'key: value' lines; {_EXAMPLE}")
    return values


def validated(
    model: type[_Settings],
    values: Mapping[str, Any],
    where: str,
    folder: Path,
    inherited: Mapping[str, Any] | None = None,
) -> _Settings:
    """Validate settings of a file in `folder`; errors are one sentence that begins with `where`.

    Raises:
        InputError: naming the key and the allowed values.
    """
    try:
        return model.model_validate(values, context={"folder": folder, "inherited": inherited or {}})
    except ValidationError as error:
        raise InputError(f"{where}: {explain(error, model)}", f"correct that key; {_EXAMPLE}") from error
    except InputError as error:
        raise InputError(f"{where}: {error.problem}", error.mend) from error


def show_config(config: RunConfig) -> str:
    """Return the config as YAML with every default filled in."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
