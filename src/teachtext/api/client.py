"""A search service on this or another machine, with the words of an index that is opened here."""

import time
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, get_args

from teachtext.api.service import Service, as_part
from teachtext.arguments import check_choice, check_count, check_items, check_place, check_string
from teachtext.errors import InputError, Unavailable
from teachtext.search import GroupBy, RankBy
from teachtext.search.answer import SearchResult
from teachtext.search.folding import fold
from teachtext.search.places import Place
from teachtext.search.types import Item, Moment

# results of one request
_PART, _LEAST = 500, 50
_WAIT_S = 0.5


@dataclass(frozen=True, kw_only=True)
class RemoteResult(SearchResult):
    """A video that a service returns. The service does not tell its paths, so `path` is the id.

    Attributes:
        url: address of the file.
    """

    url: str


@dataclass(frozen=True)
class Job:
    """A video, or a folder of videos, on its way into the index of a service.

    Attributes:
        id: id of the job.
        video: id of the video; empty for a folder.
        state: what happens.
        done: finished steps of the indexing that is under way.
        total: all steps of it.
        problem: why the job failed, or which files of a folder cannot be used.
    """

    id: str
    video: str
    state: Literal["waiting", "indexing", "done", "failed"]
    done: int
    total: int
    problem: str


class Part(NamedTuple):
    """A segment of a video, in seconds, and its score for a query."""

    start_s: float
    end_s: float
    score: float


class Heat(NamedTuple):
    """How well the parts of a video fit a query.

    Attributes:
        segments: all parts, in order of time.
        places: the best places, best first.
    """

    segments: Sequence[Part]
    places: Sequence[Place]


class Connection:
    """A search service. Get one with `teachtext.connect`. Its methods raise the errors that `connect` names.

    Args:
        service: speaks HTTP.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    @property
    def url(self) -> str:
        """Address of the service."""
        return self._service.url

    def search(
        self,
        text: str,
        k: int = 10,
        *,
        where: str | Sequence[str] = (),
        by: RankBy = "both",
        group_by: GroupBy = "video",
        least_score: float = -1.0,
        all_copies: bool = False,
        expand: bool = False,
    ) -> list[RemoteResult]:
        """Find videos with words; see `Index.search`.

        Args:
            text: the query.
            k: how many results, at most 1,000.
            where: conditions such as `["duration<=30", "tag=holiday"]`, which must all hold.
            by: `model`, `words` or `both`.
            group_by: `video` returns each video once, with its best places; `moment` returns each place by itself.
            least_score: results with a lower score are left out.
            all_copies: list copies of a video one by one, not once. By default moments are those of the copy that
                ranks first.
            expand: also ask queries that the service's writer writes, and fuse the rankings; a warning says where the
                writer failed.
        """
        asked: dict[str, Any] = {
            "text": check_string("text", text),
            "filter": check_items("condition", where, check_string),
            "by": check_choice("by", by, get_args(RankBy)),
            "group_by": check_choice("group_by", group_by, get_args(GroupBy)),
            "min_score": float(least_score),
            # a service of before knows no writer
            **({"expand": True} if expand else {}),
        }
        most, results, cursor = check_count("k", k), list[RemoteResult](), ""
        while cursor is not None and len(results) < most:
            part = self._service.get("/api/v1/search", **asked, cursor=cursor, count=min(max(most, _LEAST), _PART))
            results += [self._result(record) for record in part["results"]]
            for note in part["notes"] if expand and not cursor else ():
                warnings.warn(note, stacklevel=2)
            if not all_copies:
                results = fold(results)
            cursor = part["next"]
        return results[:most]

    def similar(
        self, video_id: str, k: int = 10, *, where: str | Sequence[str] = (), all_copies: bool = False
    ) -> list[RemoteResult]:
        """Find videos like one of the index, at most 500; see `Index.like`."""
        conditions = check_items("condition", where, check_string)
        most = check_count("k", k)
        count = min(most if all_copies else max(4 * most, _LEAST), _PART)
        answer = self._service.get(f"/api/v1/similar/{as_part(video_id)}", filter=conditions, count=count)
        results = [self._result(record) for record in answer["results"]]
        return (results if all_copies else fold(results))[:most]

    def like(
        self, video: str | Path, k: int = 10, *, where: str | Sequence[str] = (), all_copies: bool = False
    ) -> list[RemoteResult]:
        """Find videos like one of the index, or like a picture, a sound or a clip of this machine, at most 500.

        Args:
            video: id of a video; or the path of a file of at most 32 MiB, as a `Path`, which is sent.
            k: how many videos, at most.
            where: see `search`.
            all_copies: see `search`.
        """
        if not isinstance(video, Path):
            return self.similar(video, k, where=where, all_copies=all_copies)
        conditions, most = check_items("condition", where, check_string), check_count("k", k)
        count = min(most if all_copies else max(4 * most, _LEAST), _PART)
        with _opened(video) as (content, length):
            answer = self._service.upload(
                "/api/v1/like", content, length, name=video.name, filter=conditions, count=count
            )
        results = [self._result(record) for record in answer["results"]]
        return (results if all_copies else fold(results))[:most]

    def heat(self, video_id: str, text: str) -> Heat:
        """Return how well each part of a video fits a query."""
        answer = self._service.get(f"/api/v1/videos/{as_part(video_id)}/heat", text=check_string("text", text))
        return Heat([Part(**part) for part in answer["segments"]], [Place(**place) for place in answer["places"]])

    def tags(self) -> list[str]:
        """Return all tags."""
        return list(self._service.get("/api/tags"))

    def tag(
        self, videos: str | Sequence[str], *, add: str | Collection[str] = (), remove: str | Collection[str] = ()
    ) -> None:
        """Add tags to videos, and remove tags.

        Args:
            videos: ids.
            add: tags that the videos are to have.
            remove: tags that the videos are not to have.
        """
        body = {"add": check_items("tag", add, check_string), "remove": check_items("tag", remove, check_string)}
        for video_id in check_items("video", videos, check_string):
            self._service.send("PATCH", f"/api/v1/tags/{as_part(video_id)}", body)

    def add(
        self, file: str | Path | None = None, *, url: str | None = None, folder: str | None = None, name: str = ""
    ) -> Job:
        """Add a video, or a folder of the service's machine. The service indexes in the background; see `wait`.

        Args:
            file: a video of this machine, which is sent.
            url: address of a video that the service fetches, where its operator allows the host.
            folder: path of a folder on the service's machine, where its operator allows the folder.
            name: name of the file in the index; by default its own.
        """
        if sum(each is not None for each in (file, url, folder)) != 1:
            raise InputError("not exactly one of file, url and folder is given", "give one of them")
        if folder is not None:
            return Job(**self._service.send("POST", "/api/v1/videos", {"path": check_string("folder", folder)}))
        if url is not None:
            body = {"url": check_string("url", url), **({"name": name} if name else {})}
            return Job(**self._service.send("POST", "/api/v1/videos", body))
        path = Path(check_place("file", file))
        with _opened(path) as (content, length):
            return Job(**self._service.upload("/api/uploads", content, length, name=name or path.name))

    def rescan(self) -> list[Job]:
        """Have the service look at its indexed folders again."""
        return [Job(**job) for job in self._service.send("POST", "/api/v1/rescans", None)]

    def jobs(self) -> list[Job]:
        """Return the jobs that the service remembers, the newest first."""
        return [Job(**job) for job in self._service.get("/api/v1/jobs")]

    def wait(self, job: Job, timeout: float = 3600.0) -> Job:
        """Return a job once it is done or has failed.

        Raises:
            Unavailable: the job takes longer than `timeout` seconds.
        """
        last = time.monotonic() + timeout
        while job.state not in ("done", "failed"):
            if time.monotonic() > last:
                raise Unavailable(f"the job takes longer than {timeout:g} s", "ask for it again: Connection.jobs")
            time.sleep(_WAIT_S)
            job = Job(**self._service.get(f"/api/v1/jobs/{as_part(job.id)}"))
        return job

    @property
    def items(self) -> list[Item]:
        """All videos of the index, sorted by id."""
        return list(self)

    def __iter__(self) -> Iterator[Item]:
        cursor: str | None = ""
        while cursor is not None:
            part = self._service.get("/api/v1/videos", cursor=cursor, count=_PART)
            yield from map(_item, part["videos"])
            cursor = part["next"]

    def __len__(self) -> int:
        return int(self._service.get("/api/about")["videos"])

    def __repr__(self) -> str:
        return f"Connection({self.url!r})"

    def _result(self, record: Mapping[str, Any]) -> RemoteResult:
        return RemoteResult(
            item=_item(record),
            path=Path(record["id"]),
            has_file=record["there"],
            score=record["score"],
            why=record["why"],
            is_strong=record["is_strong"],
            places=[Place(**place) for place in record["places"]],
            moments=[Moment(**moment) for moment in record["moments"]],
            words=record["words"],
            copies=record["copies"],
            url=self._service.address(f"/api/files/{as_part(record['id'])}"),
        )


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """Open a file of this machine; yield its content and its size in bytes."""
    try:
        with path.open("rb") as content:
            yield content, path.stat().st_size
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", "check the file") from error


def _item(record: Mapping[str, Any]) -> Item:
    moments = [Moment(**moment) for moment in record.get("moments", ())]
    return Item(
        id=record["id"],
        content="",
        made="",
        added_s=record["added_s"],
        size=record["size"],
        duration_s=record["duration_s"],
        tags=record["tags"],
        moments=moments,
    )


def connect(url: str, token: str | None = None, *, timeout: float = 30.0) -> Connection:
    """Connect to a search service that `teachtext serve` started.

    Args:
        url: its address, such as `http://127.0.0.1:8000` or `https://example.org/videos`.
        token: with which it was started.
        timeout: seconds in which it has to answer.

    Raises:
        Unavailable: nobody answers there, or not in time.
        InputError: the token is wrong; the service is none of TeachText, or speaks another version of the API; what
            was asked for cannot be used.
        TooManyRequests: the service wants fewer requests; its `wait_s` says for how long.

    A search::

        videos = teachtext.connect("http://127.0.0.1:8000")
        for hit in videos.search("a dog jumps", k=3):
            print(hit.path, hit.score, hit.places[0].start_s)

    Example:
        >>> connect("127.0.0.1:8000")
        Traceback (most recent call last):
        teachtext.errors.InputError: '127.0.0.1:8000' is not the address of a service: write it as http://127.0.0.1:8000
    """
    service = Service(check_string("url", url), token, timeout=timeout)
    service.check()
    return Connection(service)
