"""`teachtext recipe`: whole configs with the authors' hyper-parameters."""

from typing import Annotated

import typer


def recipe(
    name: Annotated[str | None, typer.Argument(help="<dataset>/<model>; by default the names are listed.")] = None,
    data: Annotated[str, typer.Option(help="Folder of the imported archive, relative to the config.")] = "data",
) -> None:
    """Print a whole config with the authors' settings.

    Save it, and give it to 'teachtext run': teachtext recipe msvd/teachtext-ce+ --data MSVD > my-config.yaml
    """
    from teachtext.originals.recipes import recipe as text_of
    from teachtext.originals.recipes import recipe_names

    print(text_of(name, data=data) if name else "\n".join(recipe_names()), end="" if name else "\n")
