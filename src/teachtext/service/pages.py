"""The page: rendered on the server, works without JavaScript, which adds play on hover, keys and upload progress."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from teachtext.errors import InputError
from teachtext.search import GroupBy, RankBy
from teachtext.search.answer import Answer
from teachtext.search.folding import folded
from teachtext.search.places import places_of
from teachtext.search.types import Item
from teachtext.service.cards import cards
from teachtext.service.clips import Clips
from teachtext.service.export import MEDIA_TYPES, Format, chosen_videos, export
from teachtext.service.forms import sent_file
from teachtext.service.overview import Overview, folders
from teachtext.service.page_query import ORDERS, PageQuery
from teachtext.service.playable import Playback
from teachtext.service.querylog import QueryLog
from teachtext.service.rendering import error_page
from teachtext.service.state import BROWSED_UP_TO, DEEPEST, SHOWN, Library, depth
from teachtext.service.strip import scored, strip

# chips of one kind
_MOST_CHIPS = 12
# name, bounds in seconds
_LENGTHS = (("under 1 minute", "", "60"), ("1 to 10 minutes", "60", "600"), ("over 10 minutes", "600", ""))


class Chip(NamedTuple):
    """A filter that can be set: its words, the number of videos that are left, the query string of the search."""

    label: str
    video_count: int
    link: str


def pages_router(
    *,
    library: Library,
    clips: Clips,
    log: QueryLog | None,
    render: Callable[..., Response],
    without_paths: Callable[[str], str],
) -> APIRouter:
    """Return the routes that search, browse and show videos.

    Args:
        library: the index.
        clips: cuts chosen places.
        log: the query log, if queries are logged.
        render: returns a page, from the request, the name of a template, and its values.
        without_paths: takes the paths of the server out of a text.
    """
    pages = APIRouter()
    searcher = library.searcher

    @pages.get("/")
    def start(request: Request, search: Annotated[PageQuery, Query()]) -> Response:
        overview = library.overview(most=BROWSED_UP_TO)
        try:
            where = search.where(overview)
            listed = overview.admitted(where)
            count = min(SHOWN, DEEPEST - search.first) if search.q.strip() else SHOWN
            if not search.q.strip():
                return _browse(request, search, overview, listed)
            depth(search.first, count)
            answer = _ask(
                search,
                lambda k: searcher.search(search.q, k=k, where=where, by=search.by),
                search.first + count + 1,
            )
        except InputError as error:
            return error_page(request, error, search=search)
        shown = answer.results[search.first : search.first + count]
        log_id = log.search(search.q, search.by, [result.item.id for result in shown]) if log else None
        return render(
            request,
            "results.html.j2",
            title=f"Results for “{search.q}”",
            search=search,
            chips=_chips(search, overview, listed),
            admitted_count=len(listed) if overview.items else answer.total,
            cards=cards(library, shown, first=search.first, copies=overview.copies, query=search.q, log_id=log_id),
            examples=[] if shown and answer.confidence != "nothing" else library.examples(),
            **_paging(search, answer, count),
        )

    def _browse(request: Request, search: PageQuery, overview: Overview, listed: Sequence[Item]) -> Response:
        ordered = search.ordered(list(listed))
        items = ordered if search.copies else overview.each_once(ordered)
        return render(
            request,
            "start.html.j2",
            search=search,
            chips=_chips(search, overview, listed),
            overview=overview,
            has_file=library.has_file,
            items=library.titled(items[search.first : search.first + SHOWN]),
            examples=library.examples(),
            item_count=len(listed),
            folded=len(items) < len(listed),
            copies=overview.copies,
            more=len(items) > search.first + SHOWN,
            orders=ORDERS,
        )

    @pages.get("/like")
    def like(request: Request, search: Annotated[PageQuery, Query()], video: str = "", file: str = "") -> Response:
        if not (video or file):
            raise InputError("the address names neither a video nor a file", "choose a video or a file")
        overview = library.overview(most=BROWSED_UP_TO)
        count = min(SHOWN, DEEPEST - search.first)
        depth(search.first, count)
        where = search.where(overview)
        outside = library.like_files.get(file) if file else None
        source = None if outside else searcher.entry(video).item
        title = library.title(source) if source else outside.name if outside else ""

        def ask(k: int) -> Answer:
            if outside is None:
                return searcher.like(video, k=k, where=where)
            answer = searcher.like_vectors(outside.vectors, k=k, where=where)
            return replace(answer, notes=[*answer.notes, *outside.notes])

        answer = _ask(search, ask, search.first + count + 1)
        shown = answer.results[search.first : search.first + count]
        return render(
            request,
            "results.html.j2",
            title=f"Videos like “{title}”",
            search=search,
            like=source,
            like_file=file,
            like_has_file=source is not None and library.has_file(source),
            admitted_count=answer.total,
            cards=cards(library, shown, first=search.first, copies=overview.copies),
            **_paging(search, answer, count),
        )

    @pages.post("/like")
    async def like_file(request: Request) -> Response:
        key = await library.like_files.receive(*await sent_file(request, None))
        return RedirectResponse(f"/like?file={key}", 303)

    @pages.post("/export")
    def export_chosen(
        request: Request,
        format: Annotated[Literal[Format, "zip"], Form()],
        id: Annotated[list[str], Form()] = [],  # noqa: B006
        q: Annotated[str, Form()] = "",
        by: Annotated[RankBy, Form()] = "both",
        group_by: Annotated[GroupBy, Form()] = "video",
    ) -> Response:
        if not id:
            raise InputError("no video is chosen", "go back, and tick the box of a video")
        root = str(request.base_url).rstrip("/") + request.app.state.root_path
        videos = chosen_videos(library, id, text=q, by=by, group_by=group_by, root=root)
        headers = {"Content-Disposition": f'attachment; filename="videos.{format}"'}
        if format == "zip":
            return StreamingResponse(clips.archive(videos), media_type="application/zip", headers=headers)
        return Response(export(videos, format, text=q), media_type=MEDIA_TYPES[format], headers=headers)

    @pages.get("/video")
    def video(request: Request, id: str, t: float | None = None, q: str = "", query: str = "") -> Response:
        entry = searcher.entry(id)
        if log and query:
            log.choice(query, id)
        is_searched = bool(q.strip()) and len(entry.segments) > 1
        vectors = searcher.embed_captions([q])[q] if is_searched else None
        copies = library.overview(most=BROWSED_UP_TO).copies.get(entry.item.content, [id])
        places = places_of(vectors, entry) if vectors else []
        # without a time a search in a video opens at its best place
        at_s = t if t is not None and math.isfinite(t) and t >= 0 else places[0].start_s if places else None
        return render(
            request,
            "video.html.j2",
            search=PageQuery(q=q),
            item=entry.item,
            title=library.title(entry.item),
            stripes=strip(scored(entry, vectors), entry.item.duration_s) if vectors else [],
            places=places,
            segment_count=len(entry.segments),
            link=lambda at_s: f"/video?{urlencode({'id': id, 't': f'{at_s:.1f}', 'q': q})}",
            looks_like=library.seen.of(id),
            has_file=library.has_file(entry.item),
            playback=_playback(id),
            at=at_s or 0.0,
            pictured_at=at_s,
            q=q,
            experts=entry.spaces,
            copies=[other for other in copies if other != id],
            captions=searcher.rank_captions(id, library.captions, 5) if library.captions else [],
            uploaded=library.was_uploaded(id),
        )

    def _playback(video_id: str) -> Playback:
        try:
            playback = library.playback(video_id)
        except InputError as error:
            playback = Playback("failed", problem=error.problem)
        return playback._replace(problem=without_paths(playback.problem))

    return pages


def _ask(search: PageQuery, ask: Callable[[int], Answer], count: int) -> Answer:
    """Return an answer with at most so many results, copies once unless all are asked for."""
    return ask(min(count, DEEPEST)) if search.copies else folded(ask, count, most=DEEPEST)


def _paging(search: PageQuery, answer: Answer, count: int) -> Mapping[str, Any]:
    more = len(answer.results) > search.first + count
    # a search looks no further, although the index goes on
    cut = not more and len(answer.results) + answer.folded == DEEPEST and answer.total > DEEPEST
    return {"folded": answer.folded > 0, "answer": answer, "more": more, "cut": DEEPEST if cut else 0}


def _chips(search: PageQuery, overview: Overview, listed: Sequence[Item]) -> Mapping[str, Sequence[Chip]]:
    """Return the filters that leave some of the listed videos out, by kind, with the number that is left."""
    total = len(listed)
    tags = Counter(tag for item in listed for tag in item.tags)
    inside = f"{search.folder}/" if search.folder else ""
    inner = {name: count for name, count in folders(listed).items() if name.startswith(inside)}
    lengths = {
        (label, shortest, longest): sum(
            item.duration_s is not None
            and (not shortest or item.duration_s >= float(shortest))
            and (not longest or item.duration_s <= float(longest))
            for item in listed
        )
        for label, shortest, longest in _LENGTHS
    }
    spoken = sum(item.id in overview.spoken for item in listed)
    chips = {
        "Folders": [Chip(name, count, search.at(folder=name)) for name, count in _most(inner, total)],
        "Tags": [
            Chip(tag, count, search.at(tag=[*search.tags, tag]))
            for tag, count in _most(tags, total)
            if tag not in search.tags
        ],
        "Length": [
            Chip(label, count, search.at(shortest=shortest, longest=longest))
            for (label, shortest, longest), count in lengths.items()
            if 0 < count < total
        ],
        "Speech": [
            Chip(label, count, search.at(speech=value))
            for label, value, count in (("with speech", "yes", spoken), ("without speech", "no", total - spoken))
            if 0 < count < total
        ],
    }
    return {kind: some for kind, some in chips.items() if some}


def _most(counts: Mapping[str, int], total: int) -> list[tuple[str, int]]:
    """Return the most frequent values that not all videos have."""
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return [(name, count) for name, count in ranked if count < total][:_MOST_CHIPS]
