"""The cause that is named first in staged situations, and that nothing is guessed where nothing is known.

Where a line comes from stands beside it: ``run`` are real federations of NVFLARE 2.9 (docker/test_why.py plays some of
them again), a name is the module of NVFLARE whose text it is, ``probe`` and ``reach`` are composer's own.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from composer.model.cause import ParticipantEvidence
from composer.model.status import ParticipantStatus
from composer.runtimes.admissions import ServerLog
from composer.runtimes.participant_causes import find_participant_causes
from composer.runtimes.server_records import server_records

SITE = ParticipantStatus("site-1", "client", "local", "running", "starting", False, None, 300, "image")
SERVER = replace(SITE, name="server1", type="server", registered=True, health="healthy")
LOOPS = replace(SITE, state="restarting", restarts=7, detail="crashes again and again; its last line: x")
# run: what is written between a start and the first answer of the server.
DIALS = (
    "2026-11-28 04:36:59,354 - conn_manager - INFO - Connector [CH00001 ACTIVE http://server1:27920] is starting",
    "2026-11-28 04:36:59,357 - FederatedClient - INFO - Wait for engine to be created.",
)
TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "/opt/flare/lib/python3.11/site-packages/nvflare/private/fed/app/client/client_train.py", line 194',
    "    federated_client.start_heartbeat()",
)


def probed(what: str) -> ParticipantEvidence:
    return ParticipantEvidence(replace(SITE, detail=f"not registered yet; {what}"), SERVER, DIALS)


def looping(*lines: str) -> ParticipantEvidence:
    return ParticipantEvidence(LOOPS, SERVER, (*DIALS, *TRACEBACK, *lines))


def rejected(by_server: str, site: str = "") -> ParticipantEvidence:
    said = f"2026-11-28 04:40:00,001 - ClientManager - INFO - {by_server}"
    return ParticipantEvidence(SITE, SERVER, (*DIALS, *([site] if site else [])), (said,))


def state(name: str, detail: str = "") -> ParticipantEvidence:
    return ParticipantEvidence(replace(SITE, state=name, health="none", detail=detail), SERVER)


REJECTION = "2026-11-28 04:40:00,002 - Authenticator - ERROR - registration rejected: "
PARTICIPANTS = {
    "its host is away": (state("unknown", "ward: nobody listens on its SSH port"), "HOST"),
    "paused": (state("paused", "somebody paused it: docker unpause fed-site-1-1"), "PAUSED"),
    "an administrator shut it down": (state("stopped", "shut down by an administrator"), "SHUT-DOWN"),
    "docker stop": (state("exited", "somebody stopped it: composer start site-1"), "STOPPED"),
    "never started": (state("absent", "it was not started, or was stopped: composer start site-1"), "ABSENT"),
    "its supervisor was killed": (
        state("exited", "its supervisor was killed, or its machine was restarted"),
        "SUPERVISOR",
    ),
    "its certificate is old": (ParticipantEvidence(replace(SITE, certificate_days_left=-3), SERVER), "CERTIFICATE"),
    "another kit": (
        ParticipantEvidence(replace(SITE, drift="the kit has been replaced by one of another authority"), SERVER),
        "AUTHORITY",
    ),
    "the server does not run": (
        ParticipantEvidence(
            replace(SITE, detail="not registered yet; server1:8002: port: nobody listens on it"),
            replace(SERVER, state="exited", registered=False, detail="ended with status 1"),
            DIALS,
        ),
        "SERVER",
    ),
    "the server does not serve": (
        ParticipantEvidence(
            replace(SITE, detail="not registered yet; server1:8002: port: nobody listens on it"),
            replace(SERVER, registered=False, detail="server1:8002: port: nobody listens on it"),
        ),
        "SERVER",
    ),
    "a server that starts or hangs": (
        ParticipantEvidence(replace(SERVER, registered=False, detail="server1:8002: port: nobody listens on it")),
        "LISTEN",
    ),
    # probe, reach
    "name": (probed("server1:8002: name: it does not resolve"), "NAME"),
    "route": (probed("server1:8002 at 192.0.2.7: route: no answer"), "ROUTE"),
    "route, from inside": (probed("server1:8002: route: no way to 192.0.2.7 (No route to host)"), "ROUTE"),
    "port": (probed("server1:8002: port: nobody listens on it at 192.0.2.7"), "PORT"),
    "clock, from inside": (
        probed("server1:8002: clock: certificate is not yet valid, says the clock of this host, 2020-01-01 00:00 UTC"),
        "CLOCK",
    ),
    "the server's certificate is old": (
        probed("server1:8002: TLS: the server's certificate does not verify (certificate has expired)"),
        "SERVER-CERTIFICATE",
    ),
    "another server": (probed("server1:8002: answered by 'hub', not by 'server1'"), "OTHER-SERVER"),
    "another authority": (
        probed("server1:8002: TLS: the server's certificate does not verify (self-signed certificate in chain)"),
        "OTHER-AUTHORITY",
    ),
    "it is refused": (probed("server1:8002: TLS: TLSV1_ALERT_UNKNOWN_CA"), "REFUSED-CERTIFICATE"),
    "no TLS there": (probed("server1:8002: TLS: WRONG_VERSION_NUMBER"), "NO-TLS"),
    # nvflare.private.fed.server.client_manager, nvflare.private.fed.authenticator
    "too many sites, as the server says": (
        rejected("Maximum number of clients reached. Reject client: site-1 login."),
        "LIMIT",
    ),
    "too many sites, as the site says": (
        ParticipantEvidence(LOOPS, None, (*DIALS, f"{REJECTION}Maximum number of clients reached")),
        "LIMIT",
    ),
    # nvflare.private.fed.client.communicator of 2.5
    "too many sites, as a site of an older release says": (
        looping("FLCommunicationError: Exception: error:client_registration Maximum number of clients reached"),
        "LIMIT",
    ),
    "disabled": (rejected("Reject disabled client registration: site-1"), "DISABLED"),
    "rejected for another reason": (
        ParticipantEvidence(LOOPS, SERVER, (*DIALS, f"{REJECTION}register_client unauthenticated")),
        "REJECTED",
    ),
    "one kit in two places": (
        rejected("Failed to re-activate the client:site-1: already registered with another token."),
        "TWICE",
    ),
    "the server heard nothing of it": (
        rejected("Remove the dead Client. Name: site-1.  Total clients: 1"),
        "DROPPED",
    ),
    "a package is missing": (looping("ModuleNotFoundError: No module named 'torch'"), "PACKAGE"),
    "disk full": (looping("OSError: [Errno 28] No space left on device"), "DISK"),
    "a folder is not its own": (looping("PermissionError: [Errno 13] Permission denied: '/workspace/x'"), "PERMISSION"),
    "no more threads": (looping("RuntimeError: can't start new thread"), "THREADS"),
    "too many files": (looping("OSError: [Errno 24] Too many open files"), "FILES"),
    "settings that are no JSON": (
        looping("json.decoder.JSONDecodeError: Expecting value: line 1 column 3 (char 2)"),
        "CONFIG",
    ),
    # entrypoint.sh
    "killed": (looping("composer: the client ended by itself with status 137"), "KILLED"),
    "out of memory": (
        ParticipantEvidence(
            replace(LOOPS, detail="crashes again and again; it ran out of memory, says its engine"),
            SERVER,
            (*DIALS, "composer: the client ended by itself with status 137"),
        ),
        "OUT-OF-MEMORY",
    ),
    "shared memory": (looping("composer: the client ended by itself with status 135"), "SHM"),
    # nvflare.private.fed.utils.fed_utils
    "its kit was changed": (looping("The following files are not secure content."), "SIGNATURE"),
    "another error": (looping("RuntimeError: failed to connect to server"), "CRASH"),
    # aiohttp, grpc
    "its port is taken": (
        ParticipantEvidence(
            replace(LOOPS, name="server1", type="server"),
            None,
            ("OSError: [Errno 98] error while attempting to bind on address ('::', 8002): address already in use",),
        ),
        "BIND",
    ),
    "several listeners": (
        ParticipantEvidence(replace(SERVER, health="unhealthy", detail="port 8002 has several listeners: a, b")),
        "LISTENERS",
    ),
}


@pytest.mark.parametrize("situation", PARTICIPANTS)
def test_the_right_cause_of_a_participant_comes_first(situation: str) -> None:
    evidence, cause = PARTICIPANTS[situation]
    first = find_participant_causes(evidence)[0]
    assert first.id == cause, first
    assert first.about == evidence.status.name
    assert first.evidence
    assert first.fix
    assert "{" not in first.message.replace("{{", "")


UNCLEAR = {
    "nothing is said": ParticipantEvidence(SITE, SERVER, DIALS),
    # What another site was told is none of this one's.
    "another site is rejected": rejected("Maximum number of clients reached. Reject client: site-11 login."),
    # A line that names what is no cause by itself.
    "an error of a site that runs": ParticipantEvidence(SITE, SERVER, (*DIALS, "MemoryError")),
    "a crash without a word": ParticipantEvidence(LOOPS, SERVER, DIALS),
}


@pytest.mark.parametrize("situation", UNCLEAR)
def test_what_is_not_known_is_not_guessed(situation: str) -> None:
    (only,) = find_participant_causes(UNCLEAR[situation])
    assert only.id == "UNKNOWN"
    assert "nothing that composer looks at says why" in only.message
    assert "composer logs -n 50 site-1" in only.fix


def test_what_kept_a_site_away_before_it_was_rejected_comes_first_while_it_does_now() -> None:
    evidence = rejected("Maximum number of clients reached. Reject client: site-1 login.")
    away = replace(evidence, status=replace(SITE, detail="not registered yet; server1:8002: name: it does not resolve"))
    assert [cause.id for cause in find_participant_causes(away)] == ["NAME"]


def test_what_ended_it_before_it_was_mended_is_no_cause() -> None:
    ended = "composer: the client ended by itself with status 1"
    mended = looping("ModuleNotFoundError: No module named 'torch'", ended, *TRACEBACK, "RuntimeError: other", ended)
    assert [cause.id for cause in find_participant_causes(mended)] == ["CRASH"]


def test_a_sentence_takes_its_words_as_they_are() -> None:
    first = find_participant_causes(looping("ModuleNotFoundError: No module named '{name.__class__}'"))[0]
    assert first.message == "it crashes, since its Python lacks the module {name.__class__}"


def test_a_log_of_documents_has_a_record_a_line_whatever_a_site_has_sent() -> None:
    forged = (
        "x\n2026-11-28 04:40:00,001 - ClientManager - INFO - Maximum number of clients reached. Reject client: site-1"
    )
    said = {"asctime": "2026-11-28 04:40:00", "name": "A", "levelname": "INFO", "message": forged}
    log = json.dumps(said) + "\nno JSON site-1\n[]\n" + json.dumps({**said, "message": "site-2"})
    (only,) = server_records(ServerLog(log.encode(), documents=True), ("site-1",))
    assert only.startswith("2026-11-28 04:40:00 - A - INFO - x 2026")
