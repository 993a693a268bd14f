"""Names become other names in one place; whatever a kit is called, the slug is safe and tells kits apart."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.model.names import compose_project_name, is_address, is_host_name, service_name, slug

ANY_NAME = st.one_of(st.text(max_size=300), st.from_regex(r"[A-Za-z0-9._@%+|-]{1,80}", fullmatch=True))


@given(ANY_NAME)
def test_a_slug_is_safe_everywhere(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", slug(name))


@given(ANY_NAME, ANY_NAME)
def test_two_names_never_share_a_slug(one: str, other: str) -> None:
    assert (slug(one) == slug(other)) == (one == other)


@given(ANY_NAME)
def test_a_service_is_one_to_compose(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*", service_name(name))


@given(ANY_NAME)
def test_a_compose_project_is_one_to_compose(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", compose_project_name(name))


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("site-1", "site-1"),
        ("server1.example.com", "server1.example.com"),
        ("site_1", "site_1"),
        ("admin@nvidia.com", "admin-nvidia-com-56ac60"),
        ("Site-1", "site-1-c828b9"),
        ("a", "a"),
    ],
)
def test_a_good_name_is_kept(name: str, service: str) -> None:
    assert service_name(name) == service


@pytest.mark.parametrize("host", ["server1", "a.b-c.example", "site_1", "x" * 63])
def test_host_names(host: str) -> None:
    assert is_host_name(host)


@pytest.mark.parametrize("host", ["", "a b", "a\nb", "a\n", "-a", "a-", "a..b", "x" * 64, "a." * 127 + "toolong", "é"])
def test_what_is_no_host_name(host: str) -> None:
    assert not is_host_name(host)


def test_addresses() -> None:
    assert is_address("10.0.0.1")
    assert is_address("fd00::1")
    assert not is_address("server1")
    assert not is_address("10.0.0.1\n127.0.0.1 evil")
