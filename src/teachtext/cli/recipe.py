"""`teachtext recipe`: complete configs with the authors' hyper-parameters."""

from typing import Annotated

import typer


def recipe(
    name: Annotated[str | None, typer.Argument(help="Recipe, <dataset>/<model>; by default all are listed.")] = None,
    data: Annotated[str, typer.Option(help="Folder of the imported archive, relative to the config.")] = "data",
) -> None:
    """Print a complete config with the authors' settings.

    Save the config, and run it with 'teachtext run': teachtext recipe msvd/teachtext-ce+ --data MSVD > my-config.yaml
    """
    from teachtext.originals.recipes import recipe as text_of
    from teachtext.originals.recipes import recipe_names

    print(text_of(name, data=data) if name else "\n".join(recipe_names()), end="" if name else "\n")
