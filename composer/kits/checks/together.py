"""MIXED, DUP and SAN: the kits that were given belong together."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from composer.kits.certificates import certified_key, subject_alternative_names
from composer.kits.checks.subject import Check, CheckOptions, Problem, Subject
from composer.kits.facts import ROOT
from composer.kits.launch import setting
from composer.kits.releases import conflict
from composer.model.names import is_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from composer.model.kit import Connection

_ONE_PROVISIONING = "give kits that were provisioned together; ask for the odd one again"


def _mixed(subjects: Sequence[Subject], options: CheckOptions) -> Iterator[tuple[int, Problem]]:
    del options
    servers = [index for index, subject in enumerate(subjects) if subject.facts.type == "server"]
    for index in servers[1:]:
        first = subjects[servers[0]].shown
        yield index, Problem(f"it is a second server, beside {first}", "a federation has one; leave one out")
    server = servers[0] if servers else None
    for what, read, is_root in _TRAITS:
        for index, value, usual in _odd_ones(subjects, server, read):
            subject = subjects[index]
            blamed = ROOT if is_root else subject.role_file
            if blamed not in subject.spoiled:
                message = f"its {what} is {value}, while that of the other kits is {usual}"
                yield index, Problem(message, _ONE_PROVISIONING, (blamed,))
    yield from _other_ports(subjects)
    yield from _other_generations(subjects)
    yield from _other_provisionings(subjects)


def _odd_ones(
    subjects: Sequence[Subject], server: int | None, read: Callable[[Subject], str]
) -> Iterator[tuple[int, str, str]]:
    values = {index: value for index, subject in enumerate(subjects) if (value := read(subject))}
    counted = Counter(values.values()).most_common()
    if len(counted) < 2:
        return
    usual = counted[0][0]
    if server in values and counted[0][1] == dict(counted)[values[server]]:
        usual = values[server]
    for index, value in values.items():
        if value != usual:
            yield index, value, usual


def _root(subject: Subject) -> str:
    return "" if ROOT in subject.spoiled else subject.facts.root_fingerprint


def _project(subject: Subject) -> str:
    return subject.facts.wiring.project if subject.facts.wiring else ""


def _server_identity(subject: Subject) -> str:
    if subject.facts.type == "server" and subject.certificate_file in subject.spoiled:
        return ""
    return subject.facts.wiring.server_identity[:64] if subject.facts.wiring else ""


def _scheme(subject: Subject) -> str:
    # A relay's children may talk to it in another scheme, and so may an old release's admins to the server.
    direct = subject.facts.type in ("server", "client")
    return subject.facts.wiring.scheme if subject.facts.wiring and direct else ""


# What is compared, how it is read, and whether it stands in the authority's certificate (else in fed_*.json).
_TRAITS: tuple[tuple[str, Callable[[Subject], str], bool], ...] = (
    ("authority", _root, True),
    ("project", _project, False),
    ("server", _server_identity, False),
    ("scheme", _scheme, False),
)


def _dialled(subjects: Sequence[Subject]) -> Iterator[tuple[int, Connection, int]]:
    """Who dials whom among the kits given: the dialler, the connection, who answers."""
    answering = {
        subject.facts.certificate.common_name: index
        for index, subject in enumerate(subjects)
        if subject.facts.certificate and subject.facts.type in ("server", "relay")
    }
    server = next((index for index, subject in enumerate(subjects) if subject.facts.type == "server"), None)
    for index, subject in enumerate(subjects):
        wiring = subject.facts.wiring
        # With tls or clear a proxy of the site's own may stand between, at another address and port.
        if wiring is None or wiring.connection_security != "mtls":
            continue
        for connection in wiring.connects_to:
            answers = answering.get(connection.identity[:64]) if connection.identity else server
            if answers is not None and answers != index:
                yield index, connection, answers


def _other_ports(subjects: Sequence[Subject]) -> Iterator[tuple[int, Problem]]:
    for index, connection, answers in _dialled(subjects):
        dialler, wiring = subjects[index], subjects[answers].facts.wiring
        ports = [listener.port for listener in wiring.listens_on] if wiring else []
        if dialler.facts.type != "admin":
            ports = ports[:1]
        if not ports or 0 in ports or connection.port in ports or dialler.role_file in dialler.spoiled:
            continue
        listed = " and ".join(map(str, ports))
        yield (
            index,
            Problem(
                f"it dials port {connection.port}, but {subjects[answers].facts.name} listens on {listed}",
                _ONE_PROVISIONING,
                (dialler.role_file,),
            ),
        )


def _other_generations(subjects: Sequence[Subject]) -> Iterator[tuple[int, Problem]]:
    known = [(index, subject.facts.releases) for index, subject in enumerate(subjects) if subject.facts.releases]
    if not known:
        return
    usual = Counter(releases[0] for _, releases in known).most_common()[0][0]
    for index, releases in known:
        reason = conflict(usual, releases[0])
        if reason and not any(not conflict(usual, release) for release in releases):
            message = f"it is a kit of NVFLARE {releases[0]}, while the others are of {usual}"
            yield index, Problem(message, _ONE_PROVISIONING)


def _other_provisionings(subjects: Sequence[Subject]) -> Iterator[tuple[int, Problem]]:
    parents = {
        index: subject.facts.folder.path.parent
        for index, subject in enumerate(subjects)
        if not subject.from_archive and subject.facts.folder.path.parent.name.startswith("prod_")
    }
    if len(set(parents.values())) < 2:
        return
    usual = Counter(parents.values()).most_common()[0][0]
    for index, parent in parents.items():
        same_root = _root(subjects[index]) in {_root(subjects[other]) for other in parents if parents[other] == usual}
        if parent != usual and same_root:
            message = f"it is of {parent.name}, while most others are of {usual.name}"
            yield (
                index,
                Problem(message, "make sure that nothing but these kits changed in between", severity="warning"),
            )


def _duplicates(subjects: Sequence[Subject], options: CheckOptions) -> Iterator[tuple[int, Problem]]:
    del options
    names: dict[str, int] = {}
    folded: dict[str, int] = {}
    keys: dict[bytes, int] = {}
    # Those whose other files say the same as the certificate come first: the one that does not is the double.
    for index in sorted(range(len(subjects)), key=lambda index: _called_otherwise(subjects[index])):
        subject = subjects[index]
        certificate = subject.facts.certificate
        if certificate is None or subject.certificate_file in subject.spoiled:
            continue
        name, key = certificate.common_name, certified_key(subject.facts.chain[0])
        files = subject.pairs[0]
        same_name, same_key = names.setdefault(name, index), keys.setdefault(key, index)
        same_folded = folded.setdefault(name.casefold(), index)
        if same_name != index:
            message = f"{subjects[same_name].shown} is a kit of {name} too"
            yield index, Problem(message, "remove one: two sites with the same name would disconnect each other", files)
        elif same_key != index:
            message = f"it has the same key as {subjects[same_key].shown}"
            yield index, Problem(message, "provision both again: either can pass for the other", files)
        elif same_folded != index:
            message = f"its name and that of {subjects[same_folded].shown} differ in upper and lower case alone"
            yield index, Problem(message, "give one of them another name", severity="warning")


def _called_otherwise(subject: Subject) -> bool:
    certificate = subject.facts.certificate
    said = setting(subject.facts.launch, "uid") or subject.facts.folder.path.name
    return certificate is not None and said != certificate.common_name


def _names(subjects: Sequence[Subject], options: CheckOptions) -> Iterator[tuple[int, Problem]]:
    del options
    uncovered: dict[tuple[int, str], list[Subject]] = {}
    for index, connection, answers in _dialled(subjects):
        answering = subjects[answers]
        if "startup/server.crt" in answering.spoiled:
            continue
        if not _covers(answering, connection.host):
            uncovered.setdefault((answers, connection.host), []).append(subjects[index])
    for (answers, host), diallers in uncovered.items():
        # Only gRPC compares the name it dialled with the certificate (http and tcp leave it to the identity).
        fatal = any(one.facts.wiring is not None and one.facts.wiring.scheme == "grpc" for one in diallers)
        names = ", ".join(one.facts.name for one in diallers[:3]) + (" and others" if len(diallers) > 3 else "")
        yield (
            answers,
            Problem(
                f"its certificate is not good for {host}, which {names} will dial",
                f"provision again with {host} among the host names"
                + (" (as an address: NVFLARE 2.8 and newer write it right)" if is_address(host) else ""),
                ("startup/server.crt",),
                "error" if fatal else "warning",
            ),
        )
    yield from _known_by_host(subjects)


def _covers(subject: Subject, host: str) -> bool:
    chain = subject.chain("startup/server.crt")
    if not chain:
        return True
    names, addresses = subject_alternative_names(chain[0])
    return host in addresses if is_address(host) else host.lower() in (name.lower() for name in names)


def _known_by_host(subjects: Sequence[Subject]) -> Iterator[tuple[int, Problem]]:
    """Clients of 2.5 kits hold no server identity: the host that they dial must be the server's very name."""
    for index, connection, answers in _dialled(subjects):
        subject, certificate = subjects[index], subjects[answers].facts.certificate
        if subject.facts.releases != ("2.5",) or subject.facts.type != "client" or certificate is None:
            continue
        if "startup/server.crt" in subjects[answers].spoiled or connection.identity:
            continue
        if connection.host[:64] != certificate.common_name and _covers(subjects[answers], connection.host):
            message = f"it dials {connection.host}, but NVFLARE 2.5 wants the server's name, {certificate.common_name}"
            yield index, Problem(message, "provision again with the server's name as its host", (subject.role_file,))


MIXED = Check("MIXED", "all kits are of one authority, project, server and generation", of_set=_mixed)
DUPLICATE = Check("DUP", "no name and no key is there twice", of_set=_duplicates)
NAMES = Check("SAN", "the server's certificate is good for the names it is dialled by", of_set=_names)
