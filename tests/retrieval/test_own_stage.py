"""The stage that the reference shows how to write works as it is printed."""

import re

import pytest

from rankloop.testing.stage_contract import StageContract, build_candidates, build_query

YEARS = {"d0": {"year": 1999}, "d1": {"year": 2026}}


@pytest.fixture(autouse=True)
def _give_the_class_its_kind(request, repository):
    page = (repository / "docs" / "reference" / "stages.md").read_text(encoding="utf-8")
    names = {}
    exec(re.search(r"```python\n(.*?)```", page, re.DOTALL).group(1), names)
    request.instance.kind = names["newest_first"]


class TestNewestFirst(StageContract):
    def stage(self):
        return self.kind.build(self.kind.config(), None)

    def candidates(self):
        return build_candidates(3, payloads=YEARS)

    def test_the_newest_comes_first(self):
        assert self.stage()(build_query(), self.candidates()).document_ids == ("d1", "d0", "d2")
