"""How a verb ends that has set files aside. All exit codes stand in the reference of the command line."""

import typer

from teachtext.errors import InputError

SOME_SET_ASIDE = 3


def end_with(set_aside: int, used: int) -> None:
    """End the verb with code 3 where some files were set aside; do nothing where none was.

    Args:
        set_aside: number of files that cannot be used; they are named already.
        used: number of files that can.

    Raises:
        InputError: no file at all can be used.
    """
    if set_aside and not used:
        raise InputError(f"no file can be used: {set_aside:,} were set aside", "see the reasons above")
    if set_aside:
        raise typer.Exit(SOME_SET_ASIDE)
