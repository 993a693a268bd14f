"""Every single fault yields its own id and nothing else; kits as they are provisioned yield nothing."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from composer.kits.checks import CHECKS, CheckOptions, CheckReport, check_kits
from composer.model.errors import ComposerError
from tests.authority import NOW, Authority, key, pem_of, pem_of_key
from tests.conftest import tree
from tests.kitmaker import RELEASES, Project, write
from tests.unit.kits.conftest import Provision
from tests.unit.kits.faults import FAULTS, Fault

CASES = [pytest.param(fault, release, id=f"{release} {fault.name}") for fault in FAULTS for release in fault.releases]


def look(*paths: Path, into: Path = Path("/nonexistent"), **options: object) -> CheckReport:
    return check_kits(paths, into, CheckOptions(NOW, **options))  # type: ignore[arg-type]


def given(prod: Path) -> list[Path]:
    """All folders of kits that a fault left: prod_00 and what it put beside it."""
    return [prod, *(path for path in sorted(prod.parent.iterdir()) if path.name in ("prod_01", "again"))]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("relay", ["", "relay-1"], ids=["plain", "relay"])
@pytest.mark.parametrize("scheme", ["", "grpc"], ids=["default", "grpc"])
def test_kits_as_provisioned_yield_nothing(provisioned: Provision, release: str, relay: str, scheme: str) -> None:
    made = provisioned(Project(release, relay=relay if release >= "2.6" else "", scheme=scheme))
    report = look(made.prod)
    assert report.findings == ()
    assert report.ok
    assert {kit.release for kit in report.kits} == {release}


@pytest.mark.parametrize(("fault", "release"), CASES)
def test_a_fault_yields_its_own_id_alone(provisioned: Provision, fault: Fault, release: str) -> None:
    made = provisioned(fault.provision_for(release))
    fault.harm(made)
    if fault.signed:
        made.sign()
    before = tree(made.prod)
    report = look(*given(made.prod), room=fault.room)
    assert {finding.id for finding in report.findings} == {fault.id}, report.findings
    assert {finding.severity for finding in report.findings} == {fault.severity}
    assert report.ok == (fault.severity == "warning")
    assert all(finding.message and finding.fix for finding in report.findings)
    assert all((f.kit + f.message + f.fix).isprintable() for f in report.findings)
    assert tree(made.prod) == before


def test_the_corpus_is_large_and_finds_every_check() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 60
    assert {fault.id for fault in FAULTS} == {check.id for check in CHECKS}
    assert len({release for fault in FAULTS for release in fault.releases}) == 3


def test_no_finding_holds_key_material(provisioned: Provision) -> None:
    for fault in FAULTS:
        if fault.id in ("KEY-MATCH", "FOREIGN"):
            made = provisioned(fault.provision_for(fault.releases[-1]))
            fault.harm(made)
            said = repr(look(*given(made.prod)))
            for line in pem_of_key(made.authority.key).decode().splitlines()[1:-1]:
                assert line not in said
            for path in made.prod.rglob("*.key"):
                if path.is_file():
                    assert not [line for line in path.read_text().splitlines()[1:-1] if len(line) > 20 and line in said]
            shutil.rmtree(made.prod.parent)


def test_findings_do_not_stop_one_another(provisioned: Provision) -> None:
    made = provisioned(Project("2.9"))
    (made.kit("site-1") / "startup/client.key").write_text("none")
    (made.kit("site-1") / "startup/fed_client.json").write_text("{")
    (made.kit("site-2") / "startup/client.crt").unlink()
    made.server.chmod(0o777)
    found = Counter((finding.kit, finding.id) for finding in look(made.prod).findings)
    assert found == {
        ("site-1", "KEY-MATCH"): 1,
        ("site-1", "KIT-ROLE"): 1,
        ("site-2", "CHAIN"): 1,
        ("server1", "MODE"): 1,
    }


def test_one_kit_alone_is_fine(provisioned: Provision) -> None:
    made = provisioned(Project("2.7"))
    for kit in made.prod.iterdir():
        assert look(kit).findings == ()


def test_ignored_ids_are_left_out(provisioned: Provision) -> None:
    made = provisioned(Project("2.9"))
    (made.kit("site-1") / "startup/client.key").chmod(0o644)
    assert not look(made.prod).ok
    report = look(made.prod, ignore=frozenset({"MODE"}))
    assert report.ok
    assert report.findings == ()


@pytest.mark.parametrize("name", ["example_project", "Ward 7 (phase 2)", "st. mary's & co", "7"])
def test_projects_may_have_titles(provisioned: Provision, name: str) -> None:
    assert look(provisioned(Project("2.9", name=name)).prod).findings == ()


def test_an_unknown_id_is_refused(provisioned: Provision) -> None:
    with pytest.raises(ComposerError, match="there is no check NONE"):
        look(provisioned(Project("2.9")).prod, ignore=frozenset({"NONE"}))


@pytest.mark.parametrize("form", ["{}", "sha256:{}", "SHA256 Fingerprint={}"])
def test_the_expected_authority(provisioned: Provision, form: str) -> None:
    made = provisioned(Project("2.7"))
    fingerprint = look(made.server).kits[0].root_fingerprint
    written = ":".join(fingerprint[at : at + 2] for at in range(0, 64, 2)).upper()
    assert look(made.prod, root_fingerprint=form.format(written)).findings == ()
    assert look(made.prod, root_fingerprint=fingerprint).findings == ()
    report = look(made.prod, root_fingerprint="0" * 64)
    assert {finding.id for finding in report.findings} == {"CHAIN"}
    with pytest.raises(ComposerError, match="64 hex digits"):
        look(made.prod, root_fingerprint="12")


@pytest.mark.parametrize(("days", "found"), [(0, False), (358, False), (360, True), (None, False)])
def test_the_threshold_of_days(provisioned: Provision, days: int | None, found: bool) -> None:
    report = look(provisioned(Project("2.9")).prod, warn_days=days)
    assert bool(report.findings) is found
    assert report.ok


def test_the_clock_decides(provisioned: Provision) -> None:
    made = provisioned(Project("2.9"))

    def at(now: timedelta) -> list[str]:
        report = check_kits([made.prod], made.prod / "none", CheckOptions(NOW + now))
        return sorted({f"{finding.id} {finding.severity}" for finding in report.findings})

    assert at(timedelta(days=-2)) == ["VALID error"]
    assert at(timedelta(days=100)) == []
    assert at(timedelta(days=300)) == ["VALID warning"]
    assert at(timedelta(days=400)) == ["VALID error"]


def test_a_site_may_have_files_of_its_own_in_local(provisioned: Provision) -> None:
    made = provisioned(Project("2.7"))
    local = made.kit("site-1") / "local"
    for name in ("resources.json", "privacy.json", "comm_config.json", "study.yml", "custom/filters.py"):
        write(local / name, "{}")
    (local / "log_config.json.default").unlink()
    assert look(made.prod).findings == ()


@pytest.mark.parametrize(
    ("release", "server", "admin"),
    [
        ("2.5", ("startup/",), ()),
        ("2.6", ("startup/",), ("startup/",)),
        ("2.7", ("startup/", "local/"), ("startup/", "local/")),
        ("2.9", (), ()),
    ],
)
def test_a_report_says_what_is_signed(
    provisioned: Provision, release: str, server: tuple[str, ...], admin: tuple[str, ...]
) -> None:
    signed = {kit.name: kit.signed for kit in look(provisioned(Project(release)).prod).kits}
    assert (signed["server1"], signed["admin@nvidia.com"]) == (server, admin)


def test_what_nvflare_puts_beside_kits_is_no_finding(provisioned: Provision) -> None:
    made = provisioned(Project("2.7"))
    for name in ("nvflare_compose", "nvflare_hc", ".git"):
        (made.prod / name).mkdir()
    assert look(made.prod).findings == ()


def test_intermediates_are_followed(provisioned: Provision) -> None:
    made = provisioned(Project("2.9"))
    middle = Authority("middle", made.authority.begins, "middle")
    bundle = pem_of(middle.issue("site-1", key("client of site-1")))
    bundle += pem_of(made.authority.issue("middle", middle.key, organization="", authority=True))
    write(made.kit("site-1") / "startup/client.crt", bundle)
    assert look(made.prod).findings == ()


def test_long_server_names_are_cut_by_certificates(provisioned: Provision) -> None:
    name = "a" * 40 + "." + "b" * 40
    made = provisioned(Project("2.9", server=name[:64], host=name, names=(f"DNS:{name}",)))
    made.server.rename(made.prod / name)
    assert look(made.prod).findings == ()
