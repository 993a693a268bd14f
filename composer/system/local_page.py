"""A page for the browsers of whoever is told its address, on this machine alone: it can be read, and nothing else.

Every account of a machine reaches its loopback address, and so does every page that a browser shows. So the address
has a token in it that nobody guesses, and who asks for another host by name (DNS rebinding) gets nothing.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from composer.model.errors import ComposerError
from composer.system.foreign_text import clean_text

_HOST = "127.0.0.1"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# Who connects and asks for nothing is not waited for.
_SECONDS = 10


class LocalPage(ThreadingHTTPServer):
    """Serves pages under addresses that begin with a token; it listens as soon as it is made.

    Args:
        pages: What is shown below the token, by the last part of the address: each returns a page of HTML.
        refresh: After how many seconds a browser is told to ask for a page again, by the same; none: never.
        port: 0: any that is free.

    Raises:
        ComposerError: The port cannot be opened.
    """

    daemon_threads = True

    def __init__(self, pages: Mapping[str, Callable[[], str]], refresh: Mapping[str, int], port: int = 0) -> None:
        self.pages = {f"/{secrets.token_urlsafe(24)}/": pages}
        self.refresh = refresh
        try:
            super().__init__((_HOST, port), _Handler)
        except OSError as error:
            raise ComposerError(
                f"port {port} of {_HOST} cannot be opened: {error.strerror}", "name another one with --port"
            ) from error

    @property
    def address(self) -> str:
        """The address with the token."""
        return f"http://{_HOST}:{self.server_port}{next(iter(self.pages))}"

    def server_bind(self) -> None:
        """Listen, without asking DNS for this machine's name as ``HTTPServer`` does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = _HOST, int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of browsers that have gone away."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: LocalPage
    timeout = _SECONDS
    server_version, sys_version = "composer", ""

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, *_: object) -> None:
        """Say nothing: the terminal is the user's."""

    def _answer(self, with_body: bool) -> None:
        name = self._asked()
        if name is None:
            status, kind, text = HTTPStatus.NOT_FOUND, "text/plain", "not found\n"
        else:
            status, kind, text = self._made(name)
        body = text.encode()
        self.send_response(status)
        headers = {**_HEADERS, "Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(body))}
        if name is not None and name in self.server.refresh:
            headers["Refresh"] = str(self.server.refresh[name])
        for header, value in headers.items():
            self.send_header(header, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def _asked(self) -> str | None:
        """Return which page is asked for, None where it is none or the token is another one."""
        at = f"{_HOST}:{self.server.server_port}"
        if self.headers.get_all("Host") not in ([at], [f"localhost:{self.server.server_port}"]):
            return None
        ((token, pages),) = self.server.pages.items()
        path, given = self.path.encode(), token.encode()
        if not secrets.compare_digest(path[: len(given)], given):
            return None
        name = self.path[len(token) :]
        return name if name in pages else None

    def _made(self, name: str) -> tuple[HTTPStatus, str, str]:
        ((_, pages),) = self.server.pages.items()
        try:
            return HTTPStatus.OK, "text/html", pages[name]()
        except ComposerError as error:
            text = clean_text(f"error: {error.message}\n hint: {error.hint}\n")
            return HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", text
