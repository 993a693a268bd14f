"""The memory limit of a participant: from composer.yml into what runs it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from composer.definition import ParticipantChoice
from composer.model.errors import ComposerError
from composer.render.compose import compose_document
from composer.render.docker_run import run_options
from composer.render.process_form import ProcessForm
from composer.resolve.choices import resolve_memory
from tests.golden.cases import two_sites


@pytest.mark.parametrize("memory", ["16g", "1.5 GiB", "6m", "17179869184"])
def test_a_limit_is_what_was_written(memory: str) -> None:
    assert resolve_memory("site-1", ParticipantChoice(memory=memory)) == memory


@pytest.mark.parametrize("memory", ["", "much", "16", "5m", "-1", "16 g b"])
def test_a_limit_that_docker_would_refuse(memory: str) -> None:
    with pytest.raises(ComposerError, match=r"participants\.site-1\.memory: .* is no size of at least 6m") as told:
        resolve_memory("site-1", ParticipantChoice(memory=memory))
    assert told.value.hint == "write a number and a unit: 16g"


def test_who_has_none_is_not_limited() -> None:
    assert resolve_memory("site-1", ParticipantChoice()) == ""
    assert all("mem_limit" not in service for service in compose_document(two_sites())["services"].values())


def test_containers_are_limited_with_compose_and_without_it() -> None:
    federation = two_sites()
    limited = replace(federation.participants[0], memory="16g")
    service = compose_document(replace(federation, participants=(limited,)))["services"][limited.service]
    assert service["mem_limit"] == "16g"
    assert "--memory=16g" in run_options(service, "")


def test_plain_processes_are_told_to_have_no_limit() -> None:
    federation = two_sites()
    plain = tuple(replace(one, shm_size="") for one in federation.participants)
    federation, limited = replace(federation, participants=plain), replace(plain[0], memory="16g")
    assert list(ProcessForm().warnings(federation)) == []
    (told,) = ProcessForm().warnings(replace(federation, participants=(limited,)))
    assert told == f"{limited.name}: without containers memory has no effect: nothing limits a plain process"
