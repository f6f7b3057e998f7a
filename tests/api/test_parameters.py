"""Parameters: texts to records, one fault for each wrong one."""

import contextlib
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankloop.api.filters import InteractionQuery
from rankloop.api.parameters import is_repeatable, read_body, read_parameters
from rankloop.errors import FaultsError, InputError


class Wanted(msgspec.Struct):
    name: str | None = None
    count: Annotated[int, msgspec.Meta(ge=0)] = 0
    tags: list[str] | None = None


class Needed(msgspec.Struct):
    name: str


def test_texts_become_what_the_record_holds():
    wanted = read_parameters(b"name=blue%20shoes&count=3&tags=a&tags=b", Wanted)

    assert wanted == Wanted("blue shoes", 3, ["a", "b"])


def test_nothing_given_is_the_record_as_it_is():
    assert read_parameters(b"", Wanted) == read_body(b"", Wanted) == Wanted()


def test_each_wrong_parameter_is_a_fault_of_its_own():
    with pytest.raises(FaultsError) as caught:
        read_parameters(b"count=-1&name=a&name=b&size=3", Wanted)

    assert [(fault.pointer, fault.code) for fault in caught.value.faults] == [
        ("/count", "out_of_range"),
        ("/name", "repeated_parameter"),
        ("/size", "unknown_parameter"),
    ]
    assert caught.value.hint == "Known: name, count, tags."


def test_a_missing_parameter_is_named():
    with pytest.raises(FaultsError) as caught:
        read_body(b"{}", Needed)

    assert caught.value.faults[0].pointer == "/name"


def test_a_body_is_not_bent_into_shape():
    with pytest.raises(FaultsError):
        read_body(b'{"count": "3"}', Wanted)


@pytest.mark.parametrize("query", [b"name=%ff", b"&".join([b"tags=x"] * 300), b"name=\xff"])
def test_a_query_string_that_cannot_be_read_is_a_fault(query):
    with pytest.raises(FaultsError):
        read_parameters(query, Wanted)


@given(st.binary(max_size=200))
def test_no_query_string_crashes_the_reader(query):
    with contextlib.suppress(InputError):
        read_parameters(query, InteractionQuery)


@given(st.binary(max_size=200))
def test_no_body_crashes_the_reader(body):
    with contextlib.suppress(InputError):
        read_body(body, InteractionQuery)


def test_only_lists_may_be_repeated():
    assert is_repeatable(Annotated[list[str], msgspec.Meta(max_length=3)] | str | None)
    assert not is_repeatable(Annotated[str, msgspec.Meta(max_length=3)] | None)


def test_the_message_says_what_is_wrong_with_each_value():
    with pytest.raises(
        FaultsError, match=r"count \(.*int.*\), nope \(there is no parameter 'nope'"
    ):
        read_body(b'{"count": "3", "nope": 1}', Wanted)
