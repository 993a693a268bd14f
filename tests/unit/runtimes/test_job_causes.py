"""The cause that is named first of jobs in staged situations; where lines come from is said as in test_causes.py."""

from __future__ import annotations

from dataclasses import replace

import pytest

from composer.model.cause import JobEvidence, ParticipantEvidence
from composer.model.report import Job
from composer.runtimes.job_causes import examine_job, find_job_causes
from composer.runtimes.job_lines import lines_of_job, lines_of_no_job
from composer.runtimes.job_store import parse_job
from composer.runtimes.participant_causes import find_participant_causes
from tests.unit.runtimes.test_causes import DIALS, LOOPS, SERVER, TRACEBACK

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
