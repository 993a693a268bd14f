"""The cause that is named first in staged situations, and that nothing is guessed where nothing is known.

Where a line comes from stands beside it: ``run`` are real federations of NVFLARE 2.9 (docker/test_why.py plays some of
them again), a name is the module of NVFLARE whose text it is, ``probe`` and ``reach`` are composer's own.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from composer.model.cause import JobEvidence, ParticipantEvidence
from composer.model.report import Job
from composer.model.status import ParticipantStatus
from composer.runtimes.admissions import ServerLog
from composer.runtimes.job_causes import examine_job, find_job_causes
from composer.runtimes.job_lines import lines_of_job, lines_of_no_job
from composer.runtimes.job_store import parse_job
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


JOB = "2d7e4f95-a911-47bb-a2ec-6830cccc7d0e"
OTHER = "f9cfc8ad-8a47-4455-b1e8-71fde5739f1a"
# run: two jobs at once at one site.
BOTH = (
    f"2026-11-28 04:37:09,227 - JobExecutor - INFO - Launched job {JOB} with job launcher",
    f"2026-11-28 04:37:11,121 - TaskScriptRunner - INFO - start task run() with full path: /workspace/{JOB}/app_site-1",
    "Exception in thread client_api_in_process_trainer:",
    "Traceback (most recent call last):",
    '  File "/usr/lib/python3.11/threading.py", line 1038, in _bootstrap_inner',
    "    self.run()",
    '  File "/workspace/2d7e4f95-a911-47bb-a2ec-6830cccc7d0e/app_site-1/custom/train.py", line 1, in <module>',
    "    import monai_not_there",
    "ModuleNotFoundError: No module named 'monai_not_there'",
    f"2026-11-28 04:37:11,282 - JobExecutor - INFO - Launched job {OTHER} with job launcher",
    "2026-11-28 04:37:12,866 - TaskScriptRunner - ERROR - Traceback (most recent call last):",
    '  File "/workspace/f9cfc8ad-8a47-4455-b1e8-71fde5739f1a/app_site-1/custom/train.py", line 3, in <module>',
    "    open('/data/ct/patients.csv')",
    "FileNotFoundError: [Errno 2] No such file or directory: '/data/ct/patients.csv'",
    "",
    "2026-11-28 04:37:18,063 - JobExecutor - INFO - run (2d7e4f95-a911-47bb-a2ec-6830cccc7d0e): child worker process "
    "finished with RC 0",
    "2026-11-28 04:37:18,233 - JobExecutor - INFO - run (f9cfc8ad-8a47-4455-b1e8-71fde5739f1a): child worker process "
    "finished with RC 0",
)


def scheduled(*results: str, status: str = "SUBMITTED") -> JobEvidence:
    """nvflare.app_common.job_schedulers.job_scheduler; run"""
    history = tuple(f"2026-11-28 04:37:03: {one}" for one in results)
    return JobEvidence(Job(JOB, "a", status, history=history), ("site-1", "site-2"), ("site-1", "site-2"), (), SERVER)


def deployed(answer: str) -> JobEvidence:
    """nvflare.private.fed.utils.app_deployer"""
    job = Job(JOB, "a", "FINISHED:FAILED_TO_RUN", sites=(("server", "OK"), ("site-2", answer)))
    return JobEvidence(job, ("site-1", "site-2"), ("site-1", "site-2"), (), SERVER)


def ran(*lines: str, status: str = "FINISHED:EXECUTION_EXCEPTION") -> JobEvidence:
    return JobEvidence(Job(JOB, "a", status), logs={"site-1": (), "site-2": lines})


JOBS = {
    "more sites than there are": (scheduled("connected sites (2) < min_sites (5)"), "TOO-FEW-SITES"),
    "a site is away": (scheduled("connected sites (1) < min_sites (2)"), "SITES"),
    "a mandatory site is away": (scheduled("missing required site site-9"), "MANDATORY"),
    "resources": (
        scheduled("not enough sites have enough resources (ok sites 0 < min sites 2). Details: site-1: no GPU"),
        "RESOURCES",
    ),
    "resources of a mandatory site": (
        scheduled("required sites: ['site-1'] don't have enough resources. Details: site-1:;"),
        "RESOURCES",
    ),
    "another study": (scheduled("site 'site-1' not in study 'heart'"), "STUDY"),
    "no deploy map": (scheduled("no deploy map"), "DEPLOY-MAP"),
    "given up": (
        scheduled("missing required site site-9", "exceeded max schedule count 10", status="FINISHED:CAN_NOT_SCHEDULE"),
        "MANDATORY",
    ),
    "the server is down": (
        replace(scheduled(), server=replace(SERVER, state="exited", registered=False)),
        "SERVER",
    ),
    "others run": (replace(scheduled(), others=(f"{OTHER} b",)), "WAITS"),
    "byoc": (deployed("BYOC not permitted"), "BYOC"),
    "byoc, in 2.9's log alone": (
        JobEvidence(
            Job(JOB, "", ""),
            server_log=(
                f"2026-11-28 04:37:03,000 - JobRunner - ERROR - Failed to run the Job ({JOB}): RuntimeError: "
                "('deploy failure', ['server: OK', 'site-2: BYOC not permitted'])",
            ),
        ),
        "BYOC",
    ),
    "scope": (deployed("privacy scope 'public' is not allowed"), "SCOPE"),
    "policy": (deployed("not authorized"), "POLICY"),
    "signature": (deployed("app app does not pass signature verification"), "SIGNATURE"),
    "slow": (deployed("no reply (deployment timeout)"), "SLOW-SITE"),
    "package": (ran(*lines_of_job(JOB, BOTH)), "PACKAGE"),
    "data": (ran(*lines_of_job(OTHER, BOTH)), "DATA"),
    # torch
    "shared memory": (
        ran(
            "RuntimeError: DataLoader worker (pid 98) is killed by signal: Bus error. It is possible that dataloader's"
        ),
        "SHM",
    ),
    "GPU memory": (ran("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."), "GPU-MEMORY"),
    "no GPU": (ran("RuntimeError: Found no NVIDIA driver on your system."), "GPU"),
    # run: os.kill(os.getpid(), 9) in a training script.
    "no word": (
        ran(f"2026-11-28 04:37:15,641 - JobExecutor - INFO - run ({JOB}): child worker process finished with RC 101"),
        "ENDED-EARLY",
    ),
    "another error": (ran("ValueError: operands could not be broadcast together"), "ERROR"),
    "aborted": (ran(status="FINISHED:ABORTED"), "ABORTED"),
    "the server was restarted": (ran(status="FINISHED:ABNORMAL"), "SERVER-ENDED"),
}


@pytest.mark.parametrize("situation", JOBS)
def test_the_right_cause_of_a_job_comes_first(situation: str) -> None:
    evidence, cause = JOBS[situation]
    first = find_job_causes(evidence)[0]
    assert first.id == cause, first
    assert first.about == JOB
    assert first.evidence
    assert first.fix


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


# run: what each job's server says that has no model yet.
NO_MODEL = (
    "2026-11-28 04:45:20,439 - NPModelPersistor - INFO - [identity=fed] - Unable to load model from /workspace/x.npy: "
    "FileNotFoundError: [Errno 2] No such file or directory: '/workspace/x.npy'."
)


@pytest.mark.parametrize("evidence", [scheduled(), ran(), ran(NO_MODEL)])
def test_nor_is_it_of_a_job(evidence: JobEvidence) -> None:
    (only,) = find_job_causes(evidence)
    assert only.id == "UNKNOWN"
    assert JOB in only.fix


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


def test_the_lines_of_one_of_two_jobs_are_its_own() -> None:
    assert any("monai" in line for line in lines_of_job(JOB, BOTH))
    assert not any("patients" in line for line in lines_of_job(JOB, BOTH))
    assert any("patients" in line for line in lines_of_job(OTHER, BOTH))
    assert not any("monai" in line for line in lines_of_job(OTHER, BOTH))
    assert lines_of_job("no such job", BOTH) == ()


def test_what_a_job_wrote_is_no_reason_of_its_site() -> None:
    own = (*DIALS, *BOTH, *TRACEBACK, "RuntimeError: failed to connect to server")
    assert lines_of_no_job(own) == (*DIALS, *TRACEBACK, "RuntimeError: failed to connect to server")
    first = find_participant_causes(ParticipantEvidence(LOOPS, SERVER, lines_of_no_job(own)))
    assert [cause.id for cause in first] == ["CRASH"]


def test_a_log_of_documents_has_a_record_a_line_whatever_a_site_has_sent() -> None:
    forged = (
        "x\n2026-11-28 04:40:00,001 - ClientManager - INFO - Maximum number of clients reached. Reject client: site-1"
    )
    said = {"asctime": "2026-11-28 04:40:00", "name": "A", "levelname": "INFO", "message": forged}
    log = json.dumps(said) + "\nno JSON site-1\n[]\n" + json.dumps({**said, "message": "site-2"})
    (only,) = server_records(ServerLog(log.encode(), documents=True), ("site-1",))
    assert only.startswith("2026-11-28 04:40:00 - A - INFO - x 2026")


META = {"name": "needy", "min_clients": 5, "mandatory_clients": ["site-9"], "deploy_map": {"app": ["@ALL"]}}


def test_a_job_is_examined_before_it_is_submitted() -> None:
    found = examine_job(parse_job(META, "the job"), ("site-1", "site-2"), ("site-1", "site-2"))
    assert [cause.id for cause in found] == ["MANDATORY", "TOO-FEW-SITES"]
    good = parse_job({**META, "min_clients": 2, "mandatory_clients": ["site-1"]}, "the job")
    assert examine_job(good, ("site-1", "site-2"), ("site-1", "site-2")) == ()


@pytest.mark.parametrize(
    ("deploy_map", "targets"),
    [
        ({"app": ["server", "site-1"]}, ("site-1",)),
        ({"app": {"sites": ["server", "site-1"]}}, ("site-1",)),
        ({"app": [{"targets": ["site-1"]}, "site-2"]}, ("site-1", "site-2")),
        ({"a": ["server"], "b": ["@ALL"]}, ()),
        ({"a": [None, 5, ["site-1"]]}, ("site-1",)),
        ("nonsense", ()),
    ],
)
def test_whom_a_job_is_for(deploy_map: object, targets: tuple[str, ...]) -> None:
    assert parse_job({"deploy_map": deploy_map}, JOB).targets == targets
