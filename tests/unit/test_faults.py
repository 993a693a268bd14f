"""Every fault of the list in tests/README.md has a test that bears its number, and no test bears another's."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
LISTED = re.compile(r"^\| (\d+) \|.*\| (.*) \|$", re.MULTILINE)
BORNE = re.compile(r"\bfault\((\d+)\)")


def test_the_table_names_the_tests_that_bear_the_numbers() -> None:
    listed = {
        int(row): {name.strip("` ") for name in names.split(",")}
        for row, names in LISTED.findall((TESTS / "README.md").read_text())
    }
    assert sorted(listed) == list(range(1, 31))
    borne: dict[int, set[str]] = {}
    for path in TESTS.rglob("test_*.py"):
        for row in BORNE.findall(path.read_text()):
            name = str(path.relative_to(TESTS)).removeprefix("docker/")
            borne.setdefault(int(row), set()).add(name)
    for row, names in listed.items():
        assert borne.get(row, set()) == names, f"row {row}"


def test_files_that_the_readme_names_are_there() -> None:
    text = (TESTS / "README.md").read_text()
    for name in re.findall(r"`([a-z/_]+\.py)`", text):
        places = [TESTS, TESTS / "docker", TESTS / "unit", TESTS / "unit" / "kits"]
        assert any((place / name).is_file() for place in places), name
