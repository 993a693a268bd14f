"""What a bundle of plain processes says that its host must have."""

from __future__ import annotations

from dataclasses import replace

from composer.model.federation import Federation
from composer.render.bundle import render_process_bundle
from tests.golden.cases import two_sites


def needs(federation: Federation) -> str:
    files = {str(file.path): file.content.decode() for file in render_process_bundle("ward", federation, None)}
    (line,) = (line for line in files["README.md"].splitlines() if line.startswith("**Needs**"))
    return line


def test_a_python_environment_that_is_there_is_named() -> None:
    federation = two_sites()
    server, *others = federation.participants
    own = replace(server, image=replace(server.image, existing_environment="/opt/flare"))
    said = needs(replace(federation, participants=(own,)))
    assert said == (
        "**Needs** NVFLARE 2.9 and what the jobs import in the Python environment /opt/flare, bash and coreutils."
    )
    both = needs(replace(federation, participants=(own, *others)))
    assert "/opt/flare; Python 3.10 to 3.14 with its venv module, and a package index" in both
    assert "/opt/flare" not in needs(federation)
