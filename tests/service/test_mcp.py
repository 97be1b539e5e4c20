"""The tools for language models, by the client of the official package over stdin and stdout."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from processes import PATIENCE_S
from served import SERVE, Made

pytest.importorskip("mcp")
from mcp import Client, StdioServerParameters

import teachtext

pytestmark = [pytest.mark.server, pytest.mark.slow]


def talk(made: Made, ask: Callable[[Client], Any], *more: str) -> Any:
    """Start `teachtext mcp`, and return what `ask` does with a client."""
    arguments = ["-c", SERVE, "mcp", "--index", str(made.place), *more]
    server = StdioServerParameters(command=sys.executable, args=arguments, env=dict(os.environ))

    async def run() -> Any:
        with anyio.fail_after(PATIENCE_S):
            async with Client(server) as client:
                return await ask(client)

    return anyio.run(run)


def test_search_similar_and_describe_read_the_index(made: Made):
    async def ask(client: Client) -> Any:
        tools = (await client.list_tools()).tools
        search = {"query": "a dog", "k": 3, "by": "model"}
        return (
            tools,
            await client.call_tool("search", search),
            await client.call_tool("search", {**search, "moments": True}),
            await client.call_tool("similar", {"video": "videos/v1.mp4", "k": 2}),
            await client.call_tool("describe", {"video": "videos/v1.mp4"}),
        )

    tools, search, moments, similar, described = talk(made, ask)
    assert [tool.name for tool in tools] == ["search", "similar", "describe"]
    assert all(tool.annotations.read_only_hint and tool.description for tool in tools)
    assert tools[0].input_schema["required"] == ["query"] and tools[0].output_schema
    local = teachtext.open_index(made.place)
    hits = local.search("a dog", 3, by="model")
    answer = search.structured_content
    assert [(each["id"], each["path"]) for each in answer["results"]] == [(hit.video_id, str(hit.path)) for hit in hits]
    assert answer["results"][0]["score"] == pytest.approx(hits[0].score, abs=1e-6) and answer["videos"] == 7
    assert [each["id"] for each in moments.structured_content["results"]] == [hit.video_id for hit in hits]
    alike = [hit.video_id for hit in local.like("videos/v1.mp4", 2)]
    assert [each["id"] for each in similar.structured_content["results"]] == alike
    facts = described.structured_content
    assert facts["path"] == str(made.videos / "v1.mp4") and facts["tags"] == ["a&b"] and facts["there"] is True
    assert json.loads(search.content[0].text) == answer


MISTAKES: list[tuple[str, dict[str, Any], str]] = [
    ("search", {"query": " "}, "the query is empty"),
    ("search", {"query": "a", "where": ["x"]}, "filter 'x' is not understood"),
    ("search", {"query": "a", "k": 0}, "greater than or equal to 1"),
    ("search", {}, "Field required"),
    ("similar", {"video": "none.mp4"}, "give the id of a video that a search returns"),
    ("describe", {"video": "../../etc/passwd"}, "give the id of a video that a search returns"),
    ("cut", {"video": "videos/v1.mp4", "start_s": 0, "end_s": 1}, "cut"),
]


def test_mistakes_are_errors_of_the_tool_and_the_server_goes_on(made: Made):
    async def ask(client: Client) -> Any:
        answers = []
        for name, arguments, _ in MISTAKES:
            try:
                answer = await client.call_tool(name, arguments)
                answers.append((answer.is_error, answer.content[0].text))
            except Exception as error:
                answers.append((True, str(error)))
        return [*answers, await client.call_tool("search", {"query": "a dog"})]

    *answers, last = talk(made, ask)
    for (is_error, text), (_, _, problem) in zip(answers, MISTAKES, strict=True):
        assert is_error and problem in text and "Traceback" not in text, text
    assert not last.is_error


def test_clips_are_written_into_the_folder_alone(made: Made, tmp_path: Path):
    folder = tmp_path / "clips"
    folder.mkdir()

    async def ask(client: Client) -> Any:
        tools = (await client.list_tools()).tools
        parts = [
            ("videos/v1.mp4", 0, 0.4),
            ("videos/../v1.mp4", 0, 1),
            ("videos/v1.mp4", 1, 1),
            ("videos/v1.mp4", 0, 9999),
        ]
        return tools, [
            await client.call_tool("cut", {"video": video, "start_s": start, "end_s": end})
            for video, start, end in parts
        ]

    tools, (written, *refused) = talk(made, ask, "--cut-folder", str(folder))
    assert [tool.name for tool in tools][-1] == "cut" and not tools[-1].annotations.read_only_hint
    assert not written.is_error, written.content
    [file] = folder.iterdir()
    assert written.structured_content["path"] == str(file) and file.stat().st_size > 100
    assert all(answer.is_error for answer in refused)


def test_stdout_carries_the_protocol_alone(made: Made):
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    calls = [
        hello,
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {
            "jsonrpc": "2.0",
            "id": 2,
            "method": "tools/call",
            "params": {"name": "search", "arguments": {"query": "a dog"}},
        },
        {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "search", "arguments": {"query": ""}}},
    ]
    command = [sys.executable, "-c", SERVE, "mcp", "--index", str(made.place)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    lines = []
    for call in calls:
        process.stdin.write(json.dumps(call) + "\n")
        process.stdin.flush()
        if "id" in call:
            lines.append(process.stdout.readline())
    process.stdin.close()
    rest = process.stdout.read()
    assert process.wait(timeout=PATIENCE_S) == 0 and rest == ""
    assert [json.loads(line)["id"] for line in lines] == [1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [(["--index", "nowhere"], "holds no index"), (["--cut-folder", "nowhere"], "nowhere is not a folder")],
)
def test_what_cannot_be_offered_is_said(made: Made, tmp_path: Path, arguments: list[str], problem: str):
    place = [] if "--index" in arguments else ["--index", str(made.place)]
    command = [sys.executable, "-c", SERVE, "mcp", *place, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 2 and problem in done.stderr and done.stderr.count("\n") == 1 and done.stdout == ""
