"""A small proxy that shows a service under a path, with or without that path in what it passes on."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def proxy(service: str, root: str, *, strips: bool) -> Iterator[str]:
    """Yield the address of the service behind the proxy, which ends in `root`.

    Args:
        service: host and port.
        root: the path.
        strips: whether the path is taken away.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            path = self.path
            if not path.startswith(root):
                self.send_error(404, "not below the path")
                return
            if strips:
                path = path.removeprefix(root) or "/"
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            connection = http.client.HTTPConnection(service)
            # the host is that of the proxy, as `proxy_set_header Host $host` does
            connection.request(self.command, path, body or None, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "transfer-encoding", "connection", "date"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)
            connection.close()

        do_GET = do_POST = do_HEAD = do_PATCH = do_DELETE = do_OPTIONS = pass_on

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{root}"
    finally:
        server.shutdown()
        server.server_close()
