"""An HTTP server on a socket in the file system, as an engine is one, that answers as it is told to."""

from __future__ import annotations

import json
import re
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

VERSION = {"Version": "27.3.1", "ApiVersion": "1.47", "MinAPIVersion": "1.24", "Components": []}
_BLOCK = b" " * (1 << 16)
# Nobody reads so much who looks at how much he reads.
FULL = 1 << 30
_API = re.compile(r"^/v[0-9.]+")


@dataclass
class Served:
    """What composer has asked of an engine, and how many bytes that got rid of: to composer, and in all."""

    host: str
    asked: list[str] = field(default_factory=list)
    sent: int = 0
    sent_to_all: int = 0


class Request(BaseHTTPRequestHandler):
    """A request; an answer is a function of it."""

    protocol_version = "HTTP/1.1"
    served: Served
    # Of who waits for more, since a connection is kept open.
    timeout = 2

    def say(self, body: bytes, status: int = 200, length: int | None = None, **headers: str) -> None:
        """Answer with these bytes, whatever length is claimed."""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.push(body)

    def push(self, block: bytes) -> None:
        """Send bytes, and count them."""
        self.wfile.write(block)
        self.served.sent_to_all += len(block)
        if self.is_of_composer:
            self.served.sent += len(block)

    @property
    def is_of_composer(self) -> bool:
        """Whether Docker's SDK asks."""
        return str(self.headers["User-Agent"]).startswith("docker-sdk-python")

    def address_string(self) -> str:
        return "a socket"

    def log_message(self, *_: Any) -> None:
        pass


Answer = Callable[[Request], None]


def bytes_of(body: bytes, status: int = 200, **headers: str) -> Answer:
    """Just these bytes."""
    return lambda request: request.say(body, status, **headers)


def json_of(document: object, status: int = 200) -> Answer:
    """A document."""
    return bytes_of(json.dumps(document).encode(), status)


def without_end(begin: bytes = b"[", status: int = 200, block: bytes = _BLOCK, **headers: str) -> Answer:
    """Bytes for as long as somebody takes them."""

    def answer(request: Request) -> None:
        request.say(begin, status, FULL * 16, **headers)
        try:
            while request.served.sent_to_all < FULL:
                request.push(block)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            pass
        request.close_connection = True

    return answer


def cut(body: bytes) -> Answer:
    """Fewer bytes than were promised."""

    def answer(request: Request) -> None:
        request.say(body, length=len(body) + 10)
        request.close_connection = True

    return answer


@contextmanager
def served(place: Path, answers: Mapping[str, Answer], otherwise: Answer) -> Iterator[Served]:
    """Answer at a socket: by the first word of ``answers`` that the request's path matches, as a regular expression."""
    there = Served(f"unix://{place}")

    class Answering(Request):
        served = there

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = _API.sub("", self.path.split("?")[0])
            if self.is_of_composer:
                there.asked.append(path)
            next((one for word, one in answers.items() if re.fullmatch(word, path)), otherwise)(self)

    with socketserver.ThreadingUnixStreamServer(str(place), Answering) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield there
        finally:
            server.shutdown()
            thread.join()
