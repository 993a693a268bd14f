"""KIT-NAME, KIT-ORG and KIT-PROJECT: the kit, its certificate and its folder speak of one participant and project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from composer.kits.checks.subject import Check, CheckOptions, Problem, Subject
from composer.kits.launch import SCRIPT, setting
from composer.model.names import fault_of_name, is_organization, is_project

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# X.509 ends there; NVFLARE cuts a server's longer name.
_LONGEST = 64


def _name(subject: Subject, options: CheckOptions) -> Iterator[Problem]:
    del options
    certificate = subject.facts.certificate
    if certificate is None or subject.certificate_file in subject.spoiled:
        return
    name = certificate.common_name
    fault = fault_of_name(name, subject.facts.type)
    if fault:
        yield Problem(f"{name!r} is not a name that composer runs", fault, (subject.certificate_file,))
        return
    if name == _identity_elsewhere(subject):
        return
    said = {file: value for file, value in _names_said(subject).items() if value and not _same(value, name)}
    if said:
        # One disagreeing file is the odd one out; if all others disagree, the certificate is.
        files = tuple(said) if len(said) < len(_names_said(subject)) else (*said, subject.certificate_file)
        file, value = next(iter(said.items()))
        yield Problem(
            f"the certificate is {name}'s, but {file} is {value}'s", "ask for the kit again: two were mixed up", files
        )
    elif not subject.from_archive and not _same(subject.facts.folder.path.name, name):
        yield Problem(
            f"the kit of {name} lies in a folder named {subject.facts.folder.path.name}",
            f"rename the folder to {name} if that is the kit you mean",
            severity="warning",
        )


def _identity_elsewhere(subject: Subject) -> str:
    """The name that a kit itself expects in a certificate which is not of its provisioning (``auth_identity``, 2.9)."""
    document = subject.facts.document or {}
    servers = document.get("servers")
    server = servers[0] if isinstance(servers, list) and servers else None
    at = {"server": server, "client": document.get("client"), "relay": document}.get(subject.facts.type or "")
    found = at.get("auth_identity") if isinstance(at, dict) else None
    return found if isinstance(found, str) else ""


def _names_said(subject: Subject) -> dict[str, str]:
    """What the kit's other files call the participant."""
    facts = subject.facts
    document = facts.document or {}
    said: dict[str, str] = {SCRIPT: setting(facts.launch, "uid")}
    if facts.type == "client":
        client = document.get("client")
        fqsn = client.get("fqsn") if isinstance(client, dict) else None
        said[subject.role_file] = fqsn.rpartition(".")[2] if isinstance(fqsn, str) else ""
    elif facts.type == "relay":
        identity = document.get("identity")
        said[subject.role_file] = identity if isinstance(identity, str) else ""
    elif facts.type == "admin":
        admin = document.get("admin")
        user = admin.get("username") if isinstance(admin, dict) else None
        said[subject.role_file] = user if isinstance(user, str) else ""
    elif facts.type == "server" and facts.wiring is not None:
        # The server's file holds a host, which is its name by default; the folder must agree before it counts.
        host, folder = facts.wiring.listens_on[0].host, facts.folder.path.name
        said[subject.role_file] = host if host == folder else ""
    return {file: value for file, value in said.items() if value}


def _same(said: str, name: str) -> bool:
    return said == name or (len(name) == _LONGEST and said[:_LONGEST] == name)


def _organization(subject: Subject, options: CheckOptions) -> Iterator[Problem]:
    del options
    certificate, said = subject.facts.certificate, setting(subject.facts.launch, "org")
    if certificate is None or subject.certificate_file in subject.spoiled:
        return
    if certificate.organization and not is_organization(certificate.organization):
        message = f"{certificate.organization!r} is not an organization's name that composer runs"
        yield Problem(message, "use letters, digits and _, a letter or digit first", (subject.certificate_file,))
    elif said and certificate.organization != said:
        yield Problem(
            f"the certificate is of {certificate.organization or 'no organization'}, but {SCRIPT} says {said}",
            "ask for the kit again if privacy rules go by the organization",
            (SCRIPT,),
            "warning",
        )


def _project(subjects: Sequence[Subject], options: CheckOptions) -> Iterator[tuple[int, Problem]]:
    """Each name is reported once, however many kits have it."""
    del options
    first: dict[str, int] = {}
    for index, subject in enumerate(subjects):
        if subject.facts.wiring is not None:
            first.setdefault(subject.facts.wiring.project, index)
    for name, index in first.items():
        if name and not is_project(name):
            message = f"{name!r} is not a project's name that composer runs"
            fix = "provision with a name of letters, digits, spaces and _.,:+@()'&-, a letter or digit first"
            yield index, Problem(message, fix, (subjects[index].role_file,))


NAME = Check("KIT-NAME", "certificate, settings and folder name the same participant", of_kit=_name)
ORGANIZATION = Check("KIT-ORG", "certificate and settings name the same organization", of_kit=_organization)
PROJECT = Check("KIT-PROJECT", "the project's name is made of words", of_set=_project)
