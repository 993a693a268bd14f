"""Sizes as Docker reads them."""

from __future__ import annotations

import pytest

from composer.model.sizes import in_gib, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *(("16g", 16 << 30), ("16G", 16 << 30), ("16gb", 16 << 30), ("16 GiB", 16 << 30), ("1.5g", 3 << 29)),
        *(("512m", 512 << 20), ("512M", 512 << 20), ("7", 7), ("7b", 7), ("2t", 2 << 40), ("1k", 1024)),
    ],
)
def test_a_size(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "g", "-1g", "1 g b", "16gg", "1e3", "١g", "16g\n", "inf", "nan", "9" * 400])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_size(text)


def test_a_size_is_told_in_gib() -> None:
    assert [in_gib(size) for size in (16 << 30, 3 << 29, 1 << 20)] == ["16 GiB", "1.5 GiB", "0 GiB"]
