"""The one exception that users are meant to read."""


class InputError(Exception):
    """Something a user gave is wrong: a file, a setting, a name.

    The command line prints it as one sentence and exits with code 2; library users catch it.

    Args:
        problem: what is wrong, naming the file or the setting.
        mend: what to do about it.
    """

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(f"{problem.rstrip('.')}: {mend}")
        self.problem = problem
        self.mend = mend

    def __reduce__(self) -> tuple[type["InputError"], tuple[str, str]]:
        # raised in worker processes too: the default would rebuild it from the one joined sentence
        return type(self), (self.problem, self.mend)


class Unavailable(InputError):
    """What is asked for cannot be reached now: a store that is down, a disk that is full. It may be tried again."""


class NotFound(InputError):
    """There is nothing of the name that was given."""
