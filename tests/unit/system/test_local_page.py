"""A page on the loopback address is for whoever was told its address, and for nobody else."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator

import pytest

from composer.model.errors import ComposerError
from composer.system.local_page import LocalPage


def broken() -> str:
    raise ComposerError("the kits \x1b[31mhave gone", "put them back")


@pytest.fixture
def page() -> Iterator[LocalPage]:
    with LocalPage({"": lambda: "<p>all", "still": lambda: "<p>é", "broken": broken}, {"": 10}) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def ask(page: LocalPage, path: str, method: str = "GET", **headers: str) -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", page.server_port, timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.read().decode(), dict(answer.getheaders())
    connection.close()
    return found


def token(page: LocalPage) -> str:
    return page.address.removeprefix(f"http://127.0.0.1:{page.server_port}")


def test_it_is_shown_to_who_has_the_token(page: LocalPage) -> None:
    status, text, headers = ask(page, token(page))
    assert (status, text, headers["Refresh"]) == (200, "<p>all", "10")
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert headers["Cache-Control"] == "no-store"
    assert "Python" not in headers["Server"]
    status, text, headers = ask(page, f"{token(page)}still")
    assert (status, text, headers.get("Refresh")) == (200, "<p>é", None)
    assert ask(page, token(page), Host=f"localhost:{page.server_port}")[0] == 200
    assert ask(page, token(page), "HEAD")[:2] == (200, "")


def test_nobody_else_is_shown_anything(page: LocalPage) -> None:
    for path in ("/", "/still", "/x" + token(page)[2:], token(page)[:-1], f"{token(page)}other", f"{token(page)}../"):
        assert ask(page, path)[:2] == (404, "not found\n"), path
    for host in ("evil.example", f"evil.example:{page.server_port}", "127.0.0.1", ""):
        assert ask(page, token(page), Host=host)[0] == 404, host


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_nothing_can_be_done_with_it(page: LocalPage, method: str) -> None:
    assert ask(page, token(page), method)[0] == 501


def test_a_failure_is_told_in_place_of_the_page(page: LocalPage) -> None:
    status, text, headers = ask(page, f"{token(page)}broken")
    assert (status, text) == (500, "error: the kits have gone\n hint: put them back\n")
    assert headers["Content-Type"].startswith("text/plain")


def test_only_this_machine_reaches_it(page: LocalPage) -> None:
    assert page.server_address[0] == "127.0.0.1"
    with pytest.raises(ComposerError, match=f"port {page.server_port} of 127.0.0.1 cannot be opened"):
        LocalPage({"": lambda: ""}, {}, page.server_port)


def test_who_connects_and_says_nothing_keeps_nobody_waiting(page: LocalPage) -> None:
    with socket.create_connection(("127.0.0.1", page.server_port)):
        assert ask(page, token(page))[0] == 200


def test_each_has_a_token_of_its_own(page: LocalPage) -> None:
    with LocalPage({"": lambda: ""}, {}) as other:
        assert token(other) != token(page)
        assert len(token(other)) > 30
