"""Whatever a kit holds, composer says something about it, soon, and never with a traceback."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from composer.kits import load_kits
from composer.kits.checks import CheckOptions, check_kits
from composer.kits.tar import members_of_tar
from composer.model.errors import ComposerError
from composer.model.finding import Finding
from tests.authority import NOW
from tests.kitmaker import Project, Provisioned, provision
from tests.unit.kits.archives import encrypted, files_of, packed, tarred, zipped

FUZZ = settings(
    max_examples=150,
    deadline=2000,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ROLES = {
    "site-1/startup/fed_client.json": "2.7",
    "server1/startup/fed_server.json": "2.7",
    "admin@nvidia.com/startup/fed_admin.json": "2.7",
    "relay-1/startup/fed_relay.json": "2.7",
    "relay-1/local/comm_config.json": "2.7",
    "site-1/local/relay__resources.json": "2.7",
    "site-1/startup/signature.json": "2.7",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Provisioned:
    return provision(tmp_path_factory.mktemp("fuzz"), Project("2.7", relay="relay-1"))


def survives(path: Path, into: Path) -> None:
    """Both ways of reading end in a value or in an error that a user can act on."""

    def said(call: Callable[[], object]) -> None:
        try:
            call()
        except ComposerError as error:
            assert error.message
            assert error.hint
            assert "\n" not in error.message + error.hint

    said(lambda: load_kits([path], into, lambda _: "1234"))
    said(lambda: [plain(f) for f in check_kits([path], into, CheckOptions(NOW), lambda _: "1234").findings])


def plain(finding: Finding) -> None:
    """A finding is one line that does nothing to a terminal."""
    assert (finding.kit + finding.message + finding.fix).isprintable()


def with_file(made: Provisioned, name: str, data: bytes) -> None:
    """Read the project with one file exchanged."""
    path = made.prod / name
    good = path.read_bytes()
    try:
        path.write_bytes(data)
        survives(made.prod, made.prod / "none")
    finally:
        path.write_bytes(good)


def paths_into(document: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON document: the container and the key."""
    places: list[tuple[Any, Any]] = []
    pending = [document]
    while pending:
        here = pending.pop()
        keys = list(here) if isinstance(here, dict) else range(len(here)) if isinstance(here, list) else ()
        for key in keys:
            places.append((here, key))
            pending.append(here[key])
    return places


@FUZZ
@given(data=st.data())
def test_any_value_in_any_place_of_the_json(made: Provisioned, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(ROLES)))
    document = json.loads((made.prod / name).read_text())
    places = paths_into(document)
    for _ in range(data.draw(st.integers(1, 2))):
        container, key = data.draw(st.sampled_from(places))
        container[key] = data.draw(JSON)
    with_file(made, name, json.dumps(document).encode())


@FUZZ
@given(name=st.sampled_from(sorted(ROLES)), data=st.binary(max_size=200) | JSON.map(lambda v: json.dumps(v).encode()))
@example(name="site-1/startup/fed_client.json", data=b"[" * 200_000)
@example(name="site-1/startup/fed_client.json", data=b'{"servers": ' + b"9" * 10_000 + b"}")
@example(name="site-1/startup/fed_client.json", data=b'{"servers": 1e999}')
@example(name="site-1/startup/signature.json", data=b'{"../../../etc/passwd": "AAAA", "": "", "/": "", ".": ""}')
def test_any_json_file(made: Provisioned, name: str, data: bytes) -> None:
    with_file(made, name, data)


@FUZZ
@given(data=st.data())
def test_any_change_to_certificates_keys_and_scripts(made: Provisioned, data: st.DataObject) -> None:
    names = ("site-1/startup/client.crt", "site-1/startup/client.key", "site-1/startup/rootCA.pem",
             "relay-1/startup/server.crt", "site-1/startup/sub_start.sh")  # fmt: skip
    name = data.draw(st.sampled_from(names))
    content = bytearray((made.prod / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        end = at + data.draw(st.integers(0, 30))
        content[at:end] = data.draw(st.binary(max_size=30))
        content = content or bytearray(b"x")
    with_file(made, name, bytes(content))


@FUZZ
@given(data=st.data())
def test_any_change_to_what_is_inside_a_certificate(made: Provisioned, data: st.DataObject) -> None:
    import base64

    name = data.draw(
        st.sampled_from(["site-1/startup/client.crt", "site-1/startup/rootCA.pem", "site-1/startup/client.key"])
    )
    lines = (made.prod / name).read_bytes().splitlines()
    inside = bytearray(base64.b64decode(b"".join(lines[1:-1])))
    for _ in range(data.draw(st.integers(1, 3))):
        inside[data.draw(st.integers(0, len(inside) - 1))] = data.draw(st.integers(0, 255))
    with_file(made, name, b"\n".join([lines[0], base64.encodebytes(bytes(inside)).strip(), lines[-1], b""]))


@FUZZ
@given(data=st.data(), form=st.sampled_from(["zip", "pin", "tar", "tar.gz"]))
def test_any_change_to_an_archive(made: Provisioned, data: st.DataObject, form: str) -> None:
    files = files_of(made.kit("site-1"))
    good = {"zip": zipped, "pin": lambda f: encrypted(f, "1234"), "tar": tarred, "tar.gz": lambda f: packed(tarred(f))}
    content = bytearray(good[form](files))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
        content = content or bytearray(b"x")
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        (folder / "a.bin").write_bytes(bytes(content))
        survives(folder / "a.bin", folder / "into")
        assert {path.name for path in folder.iterdir()} <= {"a.bin", "into"}
    finally:
        shutil.rmtree(folder)


@FUZZ
@given(data=st.binary(max_size=2000))
def test_any_bytes_as_a_tar(data: bytes) -> None:
    try:
        list(members_of_tar(data, 100))
    except ValueError as error:
        assert str(error)


@FUZZ
@given(name=st.text(min_size=1, max_size=40).filter(lambda text: "\0" not in text))
def test_any_name_in_a_zip(made: Provisioned, name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        return
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        (folder / "a.zip").write_bytes(zipped({**files_of(made.kit("site-1")), name: (b"x", 0o644)}))
        survives(folder / "a.zip", folder / "into")
        assert {path.name for path in folder.iterdir()} <= {"a.zip", "into"}
    finally:
        shutil.rmtree(folder)
