"""Texts as an attacker would choose them, for wherever a name or a value may stand."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from composer.model.kinds import ParticipantType

# As NVFLARE writes them (nvflare/apis/utils/format_check.py), and as it uses them: with re.match.
ALLOWED = {
    "client": r"^[A-Za-z0-9-_]+$",
    "admin": r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Z|a-z]{2,}$",
    "server": (
        r"^(([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9\-]*[a-zA-Z0-9])\.)*"
        r"([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9\-]*[A-Za-z0-9])$"
    ),
}
TRAPS = (
    *["-rf", "--privileged", "_", "089", "1e3", "1e-3", "-1e3", "0o17", "null", "~", "on", "CON", "localhost"],
    "x" * 300,
    *(
        "a\n",
        "\n",
        "a\r\nb",
        "a\tb",
        "a\0b",
        "",
        " ",
        "a b",
        "a@x.com|reboot",
        "-v@x.com",
        "..@..aa",
        "%",
        "+",
        "0x7f.1",
    ),
    *(
        "${HOME}",
        "$HOME",
        "$$",
        "$(touch canary)",
        "`touch canary`",
        "; touch canary",
        "&& touch canary",
        "| touch canary",
    ),
    *(
        "{{7*7}}",
        "{% raw %}",
        "!!python/object:os.system",
        "&a",
        "*a",
        "a: b",
        "- a",
        "#a",
        "'",
        '"',
        "\\",
        "\\n",
        "%s",
    ),
    *(
        "\u202eevil",
        "\u2028",
        "\ufeff",
        "é",
        "10.0.0.1",
        "10.0.0.1 evil",
        "a\n127.0.0.1 evil",
        "../../etc",
        "/etc/passwd",
    ),
)
ANY = st.one_of(
    st.sampled_from(TRAPS),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=80),
    *(st.from_regex(re.compile(pattern)) for pattern in ALLOWED.values()),
)
KINDS: st.SearchStrategy[ParticipantType] = st.sampled_from(["server", "client", "relay", "admin"])
NO_DEADLINE = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
