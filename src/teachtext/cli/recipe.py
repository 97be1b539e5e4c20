"""`teachtext recipe`: complete configs with the authors' hyper-parameters."""

from typing import Annotated

import typer


def recipe(
    name: Annotated[str | None, typer.Argument(help="Recipe, <dataset>/<model>; by default all are listed.")] = None,
    data: Annotated[
        str,
        typer.Option(
            help="Folder of the imported archive, relative to the config; for a recipe on a model like CLIP, folder "
            "of the videos and captions."
        ),
    ] = "data",
    model: Annotated[
        str, typer.Option(help="Model like CLIP, hf:<model id or local folder>, for the recipes on one.")
    ] = "hf:openai/clip-vit-base-patch32",
) -> None:
    """Print a complete config: with the authors' settings, or on a model like CLIP.

    Save the config, and run it with 'teachtext run': teachtext recipe msvd/teachtext-ce+ --data MSVD > my-config.yaml
    """
    from teachtext.originals.recipes import recipe as text_of
    from teachtext.originals.recipes import recipe_names

    print(text_of(name, data=data, model=model) if name else "\n".join(recipe_names()), end="" if name else "\n")
