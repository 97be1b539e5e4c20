"""A real local server of the chat completions protocol, and its ways to fail."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class ChatServer:
    """What a server answers, and what it was asked.

    Attributes:
        url: ends before `/chat/completions`.
        status: of the answer.
        body: of the answer.
        headers: of the answer, besides its length.
        wait_s: seconds before the answer.
        letter_s: seconds before each byte of the body.
        requests: path, headers and JSON of each request.
    """

    url: str = ""
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    wait_s: float = 0.0
    letter_s: float = 0.0
    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)

    def says(self, text: str | None) -> None:
        """Let the model say a text."""
        message = {"role": "assistant", "content": text}
        self.body = json.dumps({"choices": [{"index": 0, "message": message}]}).encode()


@contextmanager
def chat_server() -> Iterator[ChatServer]:
    """Yield a server that listens, and stop the server afterwards."""
    state = ChatServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            state.requests.append((self.path, dict(self.headers), json.loads(content)))
            time.sleep(state.wait_s)
            try:
                self.send_response(state.status)
                for name, value in {"Content-Length": str(len(state.body)), **state.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if not state.letter_s:
                    self.wfile.write(state.body)
                    return
                for number in range(len(state.body)):
                    self.wfile.write(state.body[number : number + 1])
                    self.wfile.flush()
                    time.sleep(state.letter_s)
            except OSError:
                pass  # the client has hung up

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
