"""No bearer token leaves through composer."""

from __future__ import annotations

import pytest

from composer.runtimes.docker import by_participant
from composer.system.redact import clean_log_line, redact

UUID = "0b4d9e0a-0b3e-4c39-8b1a-0c8c5b8f6f3c"
WITH_TOKENS = [
    f"ClientManager - INFO - Client: New client site-1@10.0.0.2 joined. Sent token: {UUID}.  Total clients: 1",
    f"Communicator - INFO - Successfully registered client:site-1 for project p. Token:{UUID} SSID:ebc6125d-0a56",
    f"Re-activate the client:site-1 with token {UUID}",
    f"{{'token': '{UUID}', 'ssid': '{UUID}'}}",
]
WITHOUT = [
    f"job {UUID} is submitted",
    f"my_token {UUID} and mytoken: {UUID}",
    "Client: New client site-1@10.0.0.2 joined. Sent token.  Total clients: 1",
    "  * $(touch owned) \\n %s 'token' [a-z]",
]


@pytest.mark.parametrize("line", WITH_TOKENS)
def test_tokens_are_taken_out(line: str) -> None:
    said = redact(line)
    assert UUID not in said
    assert "ebc6125d" not in said
    assert "<redacted>" in said


@pytest.mark.parametrize("line", WITHOUT)
def test_what_is_no_token_stays(line: str) -> None:
    assert redact(line) == line


@pytest.mark.parametrize("blanks", [" " * 200_000, "token" + " " * 200_000, "SSID:" + " " * 200_000, "token " * 50_000])
def test_a_line_of_blanks_does_not_keep_composer_busy(blanks: str) -> None:
    # It took hours; pytest would be ended long before.
    assert redact(blanks) == blanks


@pytest.mark.parametrize("between", [" ", ":", "=", " : ", "': '", '" = "', " " * 50])
def test_tokens_are_found_whatever_stands_before_them(between: str) -> None:
    assert redact(f"token{between}{UUID}") == f"token{between}<redacted>"


def test_a_token_is_found_though_a_colour_divides_it() -> None:
    assert clean_log_line(f"token: {UUID[:9]}\x1b[0m{UUID[9:]}") == "token: <redacted>"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("site-1-1   | a-1 | b", "site-1   | a-1 | b"),
        ("\x1b[36msite-10-1  | \x1b[0mx", "\x1b[36msite-10  | \x1b[0mx"),
        ("no prefix-1 here", "no prefix-1 here"),
    ],
)
def test_lines_carry_the_participant_and_not_the_container(line: str, shown: str) -> None:
    assert by_participant(line) == shown
