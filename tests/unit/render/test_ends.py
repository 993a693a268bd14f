"""What is told of a participant's certificate is told of its root's, where that ends earlier."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.golden.cases import one_site
from tests.golden.test_golden import rendered


@pytest.mark.parametrize("days", [-40, 40])
def test_the_first_end_counts(days: int) -> None:
    federation = one_site()
    (one,) = federation.participants
    ends = one.kit.certificate.not_after
    kit = replace(one.kit, root_ends=ends + timedelta(days=days))
    files = rendered(replace(federation, participants=(replace(one, kit=kit),)))
    (said,) = json.loads(files["manifest.json"])["participants"]
    assert said["certificate_not_after"][:10] == f"{min(ends, kit.root_ends):%Y-%m-%d}"
