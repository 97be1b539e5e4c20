"""The Hugging Face hub: download files of a repository, and upload a folder. Nothing downloaded is ever executed."""

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Thread

from teachtext.errors import InputError
from teachtext.packages import load

# a download never ends if the hub does not answer, so a request with this limit comes first
_ANSWER_S = 3.0
# the client of the hub uses one of them, depending on its version; a name may end in a number, such as httpx2
_HTTP_LIBRARIES = ("httpx", "httpcore", "requests", "urllib3")


def download(repo_id: str, patterns: Sequence[str], *, revision: str | None = None) -> Path:
    """Return a folder with files of a repository, from the hub, or from the cache if the hub does not answer.

    With `HF_HUB_OFFLINE=1` only the cache is used.

    Args:
        repo_id: `user/name`.
        patterns: names of the files, with wildcards.
        revision: branch, tag or commit; by default the main branch.

    Raises:
        InputError: no such repository or revision, one that you may not read, or it is not in the cache and the hub
            cannot be reached.
    """
    api = load("huggingface_hub:HfApi", "hub")()
    from huggingface_hub import errors, snapshot_download

    try:
        _in_time(lambda: api.model_info(repo_id, revision=revision, timeout=_ANSWER_S))
        return Path(snapshot_download(repo_id, revision=revision, allow_patterns=list(patterns)))
    except errors.RevisionNotFoundError as error:
        raise InputError(f"the model '{repo_id}' has no revision '{revision}' on the hub", "correct it") from error
    except errors.GatedRepoError as error:
        raise InputError(
            f"the authors of the model '{repo_id}' ask who uses it",
            "accept their terms on its page of the hub, and log in with 'hf auth login'",
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise InputError(
            f"'{repo_id}' is neither a folder nor a model on the hub that you may read",
            "correct it, or log in with 'hf auth login' if the model is private",
        ) from error
    except errors.HFValidationError as error:
        raise InputError(f"'{repo_id}' is neither a folder nor an id of the hub", "correct it") from error
    except Exception as error:
        # the HTTP library under the hub's client, and with it the class of the error, differs between versions
        folder = cached(repo_id, patterns, revision=revision)
        if folder is None:
            raise InputError(
                f"'{repo_id}' is neither a folder nor in the hub's cache, and the hub cannot be reached",
                "check the name, download the model once with a network, or give the path of a folder",
            ) from error
        return folder


def _in_time(ask: Callable[[], object]) -> None:
    """Call a function, and wait a few seconds for its return, including any retries of the hub's client.

    Raises:
        TimeoutError: no answer in time.
        Exception: the error that `ask` raises.
    """
    errors: list[Exception | None] = []

    def work() -> None:
        try:
            ask()
            errors.append(None)
        except Exception as error:
            errors.append(error)

    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(_ANSWER_S)
    if not errors:
        raise TimeoutError("the hub does not answer")
    if errors[0] is not None:
        raise errors[0]


def cached(repo_id: str, patterns: Sequence[str], *, revision: str | None = None) -> Path | None:
    """Return a folder with files of a repository that are in the cache; None where no weights are.

    Args:
        repo_id: `user/name`.
        patterns: names of the files, with wildcards.
        revision: branch, tag or commit; by default the main branch.

    Raises:
        InputError: `repo_id` cannot be the id of a repository.
    """
    load("huggingface_hub:HfApi", "hub")
    from huggingface_hub import errors, snapshot_download

    try:
        folder = Path(
            snapshot_download(repo_id, revision=revision, allow_patterns=list(patterns), local_files_only=True)
        )
    except errors.LocalEntryNotFoundError:
        return None
    except errors.HFValidationError as error:
        raise InputError(f"'{repo_id}' is neither a folder nor an id of the hub", "correct it") from error
    return folder if any(folder.rglob("*.safetensors")) else None


def upload(
    folder: Path,
    repo_id: str,
    patterns: Sequence[str],
    *,
    remove: Sequence[str] = (),
    private: bool | None = None,
    token: str | None = None,
    revision: str | None = None,
    message: str,
) -> str:
    """Upload a folder as one commit, and return the address of the commit.

    Args:
        folder: the files.
        repo_id: `user/name`; created if it does not exist.
        patterns: names of the files, with wildcards.
        remove: names of files that the commit removes from the repository, where they are there.
        private: whether a new repository is private; by default the setting of the account.
        token: of the hub; by default the one of `hf auth login`.
        revision: branch that gets the commit, created if it does not exist; by default the main one.
        message: first line of the commit.

    Raises:
        InputError: the hub cannot be reached, or does not accept the upload.
    """
    api = load("huggingface_hub:HfApi", "hub")(token=token)
    try:
        api.create_repo(repo_id, private=private, exist_ok=True)
        if revision is not None:
            api.create_branch(repo_id, branch=revision, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repo_id,
            folder_path=folder,
            allow_patterns=list(patterns),
            delete_patterns=list(remove) or None,
            commit_message=message,
            revision=revision,
        )
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        if _is_network_error(error):
            raise InputError(
                f"the hub cannot be reached for the upload to '{repo_id}' ({reason})",
                "check the network, HF_ENDPOINT and HF_HUB_OFFLINE",
            ) from error
        raise InputError(
            f"the hub does not accept the upload to '{repo_id}' ({reason})",
            "log in with 'hf auth login', or correct it",
        ) from error
    return str(commit.commit_url)


def _is_network_error(error: Exception) -> bool:
    """Return whether an error came before an answer of the hub; an answer that refuses is an error of the client."""
    library = type(error).__module__.partition(".")[0].rstrip("0123456789")
    return isinstance(error, ConnectionError | TimeoutError) or library in _HTTP_LIBRARIES
