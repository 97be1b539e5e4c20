"""A stand-in for the HTTP API of the Hugging Face hub: create a repository, commit, list and download files."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class Repository:
    """Files by commit, and the commit of every branch; of a gated one nobody may read the files."""

    private: bool = False
    gated: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def commit_of(self, revision: str) -> str | None:
        return self.branches.get(revision, revision if revision in self.commits else None)

    def commit(self, branch: str, lines: list[dict[str, Any]]) -> str:
        files = dict(self.commits.get(self.branches.get(branch, ""), {}))
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                self.messages.append(value["summary"])
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        name = hashlib.sha1(repr((len(self.commits), sorted(files.items()))).encode()).hexdigest()
        self.commits[name] = files
        self.branches[branch] = name
        return name


class Hub(ThreadingHTTPServer):
    """The repositories by id, and the requests so far."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, Repository] = {}
        self.requests: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *values: Any) -> None:
        """Keep the terminal clean."""

    def _send(self, status: int, value: Any = None, headers: dict[str, str] | None = None) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _not_found(self, code: str) -> None:
        self._send(404, {"error": code}, {"X-Error-Code": code, "X-Error-Message": code})

    def _parts(self) -> list[str]:
        path = unquote(urlsplit(self.path).path)
        self.server.requests.append(f"{self.command} {path}")
        return path.strip("/").split("/")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        match self._parts():
            case ["api", "repos", "create"]:
                asked = json.loads(body)
                repo_id = f"{asked['organization']}/{asked['name']}" if asked.get("organization") else asked["name"]
                if self.headers.get("Authorization") != "Bearer hf_right":
                    return self._send(401, {"error": "Invalid token"})
                private = bool(asked.get("private")) or asked.get("visibility") == "private"
                self.server.repositories.setdefault(repo_id, Repository(private=private))
                return self._send(200, {"url": f"{self.server.address}/{repo_id}", "id": repo_id, "name": repo_id})
            case ["api", "validate-yaml"]:
                return self._send(200, {"errors": [], "warnings": []})
            case ["api", "models", user, name, "preupload", _]:
                files = [
                    {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                    for file in json.loads(body)["files"]
                ]
                return self._send(200, {"files": files})
            case ["api", "models", user, name, "branch", branch]:
                repository = self.server.repositories[f"{user}/{name}"]
                repository.branches.setdefault(branch, repository.branches.get("main", ""))
                return self._send(200, {})
            case ["api", "models", user, name, "commit", branch]:
                lines = [json.loads(line) for line in body.splitlines() if line.strip()]
                commit = self.server.repositories[f"{user}/{name}"].commit(branch, lines)
                address = f"{self.server.address}/{user}/{name}/commit/{commit}"
                return self._send(200, {"commitUrl": address, "commitOid": commit, "success": True})
        self._not_found("EntryNotFound")

    def do_GET(self) -> None:
        match self._parts():
            case ["api", "models", user, name, *rest]:
                repository = self.server.repositories.get(f"{user}/{name}")
                if repository is None:
                    return self._not_found("RepoNotFound")
                commit = repository.commit_of(rest[1] if len(rest) > 1 else "main")
                if commit is None:
                    return self._not_found("RevisionNotFound")
                files = repository.commits.get(commit, {})
                if rest and rest[0] == "tree":
                    listed = [
                        {"type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                        for path, data in files.items()
                    ]
                    return self._send(200, listed)
                siblings = [{"rfilename": path} for path in files]
                return self._send(200, {"id": f"{user}/{name}", "sha": commit, "siblings": siblings, "private": False})
            case [user, name, "resolve", revision, *path]:
                repository = self.server.repositories.get(f"{user}/{name}")
                commit = repository.commit_of(revision) if repository else None
                if repository is None or commit is None:
                    return self._not_found("RevisionNotFound" if repository else "RepoNotFound")
                if repository.gated:
                    return self._send(403, {"error": "gated"}, {"X-Error-Code": "GatedRepo"})
                data = repository.commits[commit].get("/".join(path))
                if data is None:
                    return self._not_found("EntryNotFound")
                headers = {"ETag": f'"{hashlib.sha1(data).hexdigest()}"', "X-Repo-Commit": commit}
                return self._send(200, data, headers)
        self._not_found("EntryNotFound")

    do_HEAD = do_GET


@contextmanager
def hub_server() -> Iterator[Hub]:
    """Serve an empty hub on this machine."""
    hub = Hub()
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()
