"""Pages: what may be asked for."""

from __future__ import annotations

import msgspec
import pytest

from rankloop.errors import InputError
from rankloop.tables.pages import Page, PageRequest


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"page": 0}, "/page"),
        ({"page_size": 0}, "/page_size"),
        ({"page_size": 1_001}, "/page_size"),
    ],
)
def test_a_page_out_of_range_is_refused_by_its_name(wrong, where):
    with pytest.raises(InputError) as caught:
        PageRequest(**wrong)
    assert caught.value.where == where


def test_a_page_survives_the_wire():
    page = Page.of([1, 2], 7, PageRequest(page=2, page_size=2))
    assert msgspec.json.decode(msgspec.json.encode(page), type=Page[int]) == page
    assert msgspec.to_builtins(page)["pagination"] == {"total": 7, "page": 2, "page_size": 2}
