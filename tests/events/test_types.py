"""Types of interactions and their bits."""

from rankloop.events.types import (
    DEFAULT_WEIGHTS,
    SIGNAL_BITS,
    is_type_name,
    needs_document,
    to_mask,
)


def test_every_known_type_has_a_bit_of_its_own_and_a_weight():
    assert sorted(SIGNAL_BITS.values()) == list(range(15))
    assert set(DEFAULT_WEIGHTS) == set(SIGNAL_BITS)


def test_a_mask_tells_which_types_were_given():
    assert to_mask(["click", "long_view"]) == 0b110
    assert to_mask(["hovered"]) == 1 << 31


def test_a_type_of_a_list_needs_no_document():
    assert needs_document(to_mask(["click"]))
    assert not needs_document(to_mask(["zero_results", "hovered"]))


def test_type_names_are_word_characters():
    assert is_type_name("watched_90")
    assert not is_type_name("")
    assert not is_type_name("x" * 65)
    assert not is_type_name("buy now")
