"""Why a job waits, or did not end as it should: a table of rules over what is known of it. Pure.

The reasons are those of NVFLARE's ``DefaultJobScheduler``, which the server logs and keeps in the job's ``meta``
(``schedule_history``), of ``AppDeployer`` (``job_deploy_detail``), and of what the job wrote at its sites.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from composer.model.cause import UNKNOWN, Cause, JobEvidence
from composer.model.report import Job
from composer.runtimes.causes import Rule, Seen, find_causes, last_match, shown, words_of
from composer.system.foreign_text import clip

# News of NVFLARE, which may tell of an error that is none.
_NEWS = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - \S+ - (?:INFO|DEBUG) - ")
_ERROR = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|NotFound): ")
_TRIED = re.compile(r"Try to schedule job \S+, get result: \((?P<reason>.*)\)\.?$")

Look = Callable[[JobEvidence], "Seen | None"]


def find_job_causes(evidence: JobEvidence) -> tuple[Cause, ...]:
    """Return why a job waits or has failed, the most probable cause first; one of id UNKNOWN where nothing says why."""
    job = evidence.job.id
    return find_causes(RULES, evidence, job, {"job": job}) or (_unknown(evidence),)


def _unknown(evidence: JobEvidence) -> Cause:
    job = evidence.job
    what = f"it is {job.status or 'not in sight'}, and nothing that composer looks at says why"
    last = (*evidence.server_log[-1:], *(f"{name}: {lines[-1]}" for name, lines in evidence.logs.items() if lines))
    return Cause(UNKNOWN, job.id, what, shown(last), f"read more: composer admin -- job logs {job.id}; composer logs")


def _reasons(evidence: JobEvidence) -> tuple[str, ...]:
    """Why it was not scheduled, the last reason last: as the store keeps it, else as the server logs it."""
    kept = tuple(text.split(": ", 1)[-1] for text in evidence.job.history)
    tried = (_TRIED.search(line) for line in evidence.server_log)
    return kept or tuple(found["reason"] for found in tried if found)


def _not_scheduled(pattern: str) -> Look:
    """What the scheduler said last; where it has given up, what it said before."""
    compiled = re.compile(pattern)

    def look(evidence: JobEvidence) -> Seen | None:
        reasons = [one for one in _reasons(evidence) if not one.startswith("exceeded max schedule count")][-1:]
        found = last_match(compiled, reasons)
        if found is None:
            return None
        connected = ", ".join(evidence.connected) or "none"
        words = {"connected": connected, "all": ", ".join(evidence.sites), **words_of(found)}
        return Seen((f"the server's scheduler: {found.string}", f"registered now: {connected}"), words)

    return look


def _deployed(pattern: str) -> Look:
    """What a site answered when the job was brought to it."""
    compiled = re.compile(pattern)

    def look(evidence: JobEvidence) -> Seen | None:
        for site, answer in evidence.job.sites:
            if found := compiled.search(answer):
                return Seen((f"{site}: {answer}",), {"site": site, **words_of(found)})
        return _server_wrote(rf"deploy failure.*?'(?P<site>[^':]+): [^']*{pattern}")(evidence)

    return look


def _server_wrote(pattern: str) -> Look:
    compiled = re.compile(pattern)

    def look(evidence: JobEvidence) -> Seen | None:
        found = last_match(compiled, evidence.server_log)
        return Seen((f"the server's log: {found.string}",), words_of(found)) if found else None

    return look


def _wrote(pattern: str) -> Look:
    """What the job wrote at its sites; those where it did."""
    compiled = re.compile(pattern)

    def look(evidence: JobEvidence) -> Seen | None:
        told = {name: [line for line in lines if not _NEWS.match(line)] for name, lines in evidence.logs.items()}
        found = {name: match for name, lines in told.items() if (match := last_match(compiled, lines))}
        if not found:
            return None
        first = next(iter(found.values()))
        lines = tuple(f"{name}: {match.string}" for name, match in found.items())
        return Seen(lines, {"sites": ", ".join(found), **words_of(first)})

    return look


def _status(*statuses: str) -> Look:
    return lambda evidence: (
        Seen((f"its status is {evidence.job.status}",), {}) if evidence.job.status in statuses else None
    )


def _too_many(evidence: JobEvidence) -> Seen | None:
    """It needs more sites than there are: no wait helps."""
    seen = _SITES(evidence)
    if seen is None or not evidence.sites or int(seen.words["needed"]) <= len(evidence.sites):
        return None
    return Seen(seen.lines, {**seen.words, "number": str(len(evidence.sites))})


def _too_few(evidence: JobEvidence) -> Seen | None:
    return None if _too_many(evidence) else _SITES(evidence)


def _server_away(evidence: JobEvidence) -> Seen | None:
    server = evidence.server
    if evidence.job.ended or server is None or server.state in ("running", "unknown"):
        return None
    return Seen((f"{server.name} is {server.state}", server.detail), {"server": server.name})


def _waits_for_others(evidence: JobEvidence) -> Seen | None:
    if evidence.job.status != "SUBMITTED" or _reasons(evidence) or not evidence.others:
        return None
    return Seen(tuple(f"runs now: {one}" for one in evidence.others), {"number": str(len(evidence.others))})


def _ended_early(evidence: JobEvidence) -> Seen | None:
    """A worker that ended with an error, and left no traceback."""
    pattern = re.compile(rf"run \({re.escape(evidence.job.id)}\): child worker process finished with RC -?[1-9]")
    found = {name: match for name, lines in evidence.logs.items() if (match := last_match(pattern, lines))}
    quiet = {name: one for name, one in found.items() if last_match(_ERROR, evidence.logs[name]) is None}
    if not quiet:
        return None
    lines = tuple(f"{name}: {match.string}" for name, match in quiet.items())
    return Seen(lines, {"sites": ", ".join(quiet)})


def _error(evidence: JobEvidence) -> Seen | None:
    seen = _wrote(_ERROR.pattern + r".*")(evidence)
    if seen is None:
        return None
    return Seen(seen.lines, {**seen.words, "error": clip(seen.lines[0].partition(": ")[2], 160)})


_SITES = _not_scheduled(r"connected sites \((?P<there>[0-9]{1,6})\) < min_sites \((?P<needed>[0-9]{1,6})\)")
_FEWER = "lower min_clients in its meta.json"

RULES: tuple[Rule[JobEvidence], ...] = (
    Rule("SERVER", _server_away, "the server {server} does not run", "composer why {server}"),
    Rule(
        "TOO-FEW-SITES",
        _too_many,
        "it needs {needed} sites, and this deployment has {number}: unless others join, it waits for ever",
        f"{_FEWER}, or add sites",
    ),
    Rule(
        "SITES",
        _too_few,
        "it needs {needed} sites, and {there} of those that it is for are registered",
        f"see who is missing: composer why; or {_FEWER}",
    ),
    Rule(
        "MANDATORY",
        _not_scheduled(r"missing required site (?P<site>\S+)"),
        "it cannot do without {site}, which is not registered",
        "see that it is spelt so, and runs: composer status; or take it out of mandatory_clients in its meta.json",
    ),
    Rule(
        "RESOURCES",
        _not_scheduled(r"(?:not enough sites have enough resources|don't have enough resources)(?P<why>.*)"),
        "sites have not the resources that it asks for{why}",
        "lower resource_spec in its meta.json, wait for other jobs to end, or give the sites more (composer.yml, gpus)",
    ),
    Rule(
        "STUDY",
        _not_scheduled(r"site '(?P<site>[^']*)' not in study '(?P<study>[^']*)'"),
        "{site} is not in the study {study}, for which it was submitted",
        "submit it for another study, or leave the site out of its deploy_map",
    ),
    Rule(
        "DEPLOY-MAP",
        _not_scheduled("no deploy map|required sites must be a list|invalid required site"),
        "its meta.json cannot be used",
        "correct deploy_map and mandatory_clients in it",
    ),
    Rule(
        "BYOC",
        _deployed("BYOC not permitted"),
        "{site} takes no job that brings code of its own (byoc)",
        "have its administrator allow byoc in local/authorization.json, or submit a job without a custom folder",
    ),
    Rule(
        "SCOPE",
        _deployed("privacy scope '(?P<scope>[^']*)' is not allowed"),
        "{site} does not allow the privacy scope {scope}",
        "use a scope that its local/privacy.json has, or have it added there",
    ),
    Rule(
        "SIGNATURE",
        _deployed("does not pass signature verification|no signer identity"),
        "{site} does not take the job's signature",
        "submit it again from where it was not changed after it was signed",
    ),
    Rule(
        "POLICY",
        _deployed("not authorized|is not permitted on this site"),
        "{site} refuses it by its policy",
        "ask its administrator for local/authorization.json",
    ),
    Rule(
        "SLOW-SITE",
        _deployed(r"no reply"),
        "{site} did not answer in time when the job was brought to it",
        "composer why {site}; a large job needs a longer admin_timeout",
    ),
    Rule(
        "PACKAGE",
        _wrote(r"^ModuleNotFoundError: No module named '(?P<module>[^']*)'"),
        "the Python of {sites} lacks the module {module}",
        "name its package in composer.yml, image.requirements, then: composer up; and submit it again",
    ),
    Rule(
        "SHM",
        _wrote(r"(?i)bus error|unable to (?:open|allocate) shared memory|No space left on device.*/dev/shm"),
        "its data loaders have too little shared memory at {sites}",
        "give them more in composer.yml: shm_size: 8g, then: composer up",
    ),
    Rule(
        "GPU-MEMORY",
        _wrote("CUDA out of memory|CUDA error: out of memory|RESOURCE_EXHAUSTED"),
        "the GPU's memory does not suffice at {sites}",
        "make its batches smaller, or let fewer jobs share the GPU",
    ),
    Rule(
        "GPU",
        _wrote(r"(?i)no CUDA-capable device|Found no NVIDIA driver|Torch not compiled with CUDA|no CUDA GPUs"),
        "it finds no GPU at {sites}",
        "give them one in composer.yml: gpus: all; and see: composer doctor",
    ),
    Rule(
        "MEMORY",
        _wrote(r"^MemoryError|DefaultCPUAllocator: can't allocate memory"),
        "memory does not suffice at {sites}",
        "raise memory in composer.yml, or make its batches smaller",
    ),
    Rule(
        "DISK",
        _wrote("No space left on device"),
        "the disk is full at {sites}",
        "make room where the deployment folder lies: df -h",
    ),
    Rule(
        "DATA",
        _wrote(r"^FileNotFoundError: .*No such file or directory: '(?P<path>[^']*)'"),
        "{path} is not there at {sites}: data that is not mounted, or another path",
        "name it in composer.yml, data: [{{source: …, target: …}}], then: composer up; and submit it again",
    ),
    Rule(
        "PERMISSION",
        _wrote(r"^PermissionError: .*'(?P<path>[^']*)'"),
        "it may not use {path} at {sites}",
        "give the owner of the site's kit the right to it",
    ),
    Rule(
        "ERROR",
        _error,
        "it ends with an error at {sites}: {error}",
        "read all: composer admin -- job logs {job}",
        last_resort=True,
    ),
    Rule(
        "ENDED-EARLY",
        _ended_early,
        "its process at {sites} ended early, and left no word",
        "the kernel does so to who takes too much memory: journalctl -k | grep -i oom",
        last_resort=True,
    ),
    Rule(
        "GIVEN-UP",
        _status("FINISHED:CAN_NOT_SCHEDULE"),
        "the server has given it up: it does not try again",
        "when what is said above is well: composer admin -- job clone {job}",
    ),
    Rule(
        "ABORTED",
        _status("FINISHED:ABORTED"),
        "somebody has aborted it, or the server was told to",
        "see who: the audit.log in the server's workspace; then: composer admin -- job clone {job}",
    ),
    Rule(
        "SERVER-ENDED",
        _status("FINISHED:ABNORMAL", "FINISHED:ABANDONED"),
        "the server ended or was restarted while it ran",
        "submit it again: composer admin -- job clone {job}",
    ),
    Rule(
        "WAITS",
        _waits_for_others,
        "it waits, and the server has not tried to start it: other jobs run ({number})",
        "wait for them, or raise max_jobs of the scheduler in the server's local/resources.json",
    ),
)


def examine_job(meta: Job, connected: Sequence[str], sites: Sequence[str]) -> tuple[Cause, ...]:
    """Return what would keep a job from being scheduled, before it is submitted.

    Args:
        meta: What its meta.json asks for.
        connected: The sites that are registered.
        sites: All sites that are known here.
    """
    reasons = []
    chosen = [site for site in connected if not meta.targets or site in meta.targets]
    reasons += [f"missing required site {site}" for site in meta.mandatory if site not in chosen]
    if meta.min_clients > len(chosen):
        reasons.append(f"connected sites ({len(chosen)}) < min_sites ({meta.min_clients})")
    found: list[Cause] = []
    for reason in reasons:
        one = Job(meta.id, meta.name, "", history=(f"now: {reason}",))
        found += find_job_causes(JobEvidence(one, tuple(connected), tuple(sites)))[:1]
    return tuple(found)
