"""A Hub on loopback: routes the requests of the real clients to a `Hub` in memory, for the time of a `with` block."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from .hub_state import Hub, Refusal

TOKEN = "hf_test"
LARGEST = 64 * 2**20

KIND, NAME, REV = "(models|datasets)", "([^/]+/[^/]+)", "([^/]+)"
ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("GET", "/api/whoami-v2", Hub.whoami),
    ("POST", "/api/validate-yaml", Hub.validate_yaml),
    ("POST", "/api/repos/create", Hub.create),
    ("POST", f"/api/{KIND}/{NAME}/branch/(.+)", Hub.branch),
    ("POST", f"/api/{KIND}/{NAME}/preupload/{REV}", Hub.preupload),
    ("POST", f"/api/{KIND}/{NAME}/commit/{REV}", Hub.commit),
    ("POST", f"/api/{KIND}/{NAME}/paths-info/{REV}", Hub.paths),
    ("POST", rf"/(?:(datasets)/)?{NAME}\.git/info/lfs/objects/batch", Hub.batch),
    ("PUT", "/lfs/([0-9a-f]{64})", Hub.store),
    ("GET", f"/api/{KIND}/{NAME}/tree/{REV}(?:/(.*))?", Hub.tree),
    ("GET", f"/api/{KIND}/{NAME}(?:/revision/{REV})?", Hub.info),
    ("GET", f"/(?:(datasets)/)?{NAME}/resolve/{REV}/(.+)", Hub.resolve),
]


class Unfinished(Exception):
    """A request ended before its end, as its client did."""


class Handler(BaseHTTPRequestHandler):
    """Routes a request to the hub and writes the answer."""

    server: HubServer

    def do_GET(self) -> None:
        """Answer GET, HEAD, POST and PUT alike."""
        hub = self.server.hub
        try:
            body = self._body()
            with self.server.lock:
                hub.log.append(f"{self.command} {self.path}")
                answer = self._answer(hub, body)
            self._send(200, *answer)
        except Refusal as error:
            self._send(error.status, error.message.encode(), {"X-Error-Code": error.code} if error.code else {})
        except (Unfinished, ConnectionError):  # the client has gone
            self.close_connection = True

    do_HEAD = do_POST = do_PUT = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""

    def _answer(self, hub: Hub, body: bytes) -> tuple[bytes, dict[str, str]]:
        url = urlsplit(self.path)
        if url.path != "/api/validate-yaml" and not url.path.startswith("/lfs/"):
            self._authorize()
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        method = "GET" if self.command == "HEAD" else self.command
        for verb, pattern, route in ROUTES:
            if verb == method and (found := re.fullmatch(pattern, url.path)):
                parts = [part and unquote(part) for part in found.groups(default=None)]
                while parts and parts[-1] is None:
                    parts.pop()
                answer = route(hub, body, query, *parts)
                return answer if isinstance(answer, tuple) else (json.dumps(answer).encode(), {})
        raise Refusal(404, "EntryNotFound")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            size = int(self.headers.get("Content-Length", 0))
            if size > LARGEST:
                raise Refusal(413)
            return self._read(size)
        body = b""
        while size := int(self.rfile.readline(20) or "-1", 16):
            body += self._read(size)
            self.rfile.readline()
            if len(body) > LARGEST:
                raise Refusal(413)
        return body

    def _read(self, size: int) -> bytes:
        if size < 0 or len(content := self.rfile.read(size)) < size:
            raise Unfinished
        return content

    def _authorize(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise Refusal(401, "", "Invalid credentials in Authorization header")

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(key, value)
        if status >= 400:
            self.send_header("X-Error-Message", content.decode().replace("\n", " "))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


class HubServer(ThreadingHTTPServer):
    """The hub on a free port of loopback; its threads end with the process at the latest."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.hub, self.lock = Hub(), threading.Lock()
        self.hub.url = f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serve() -> Iterator[Hub]:
    """Run a hub for the time of a `with` block."""
    with HubServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.hub
        finally:
            server.shutdown()
            thread.join(timeout=5)
