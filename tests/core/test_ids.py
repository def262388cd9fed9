"""Identifiers: their forms, their owner, and that they do not repeat."""

import re
from base64 import urlsafe_b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayapp.core.ids import ConnectionIds, Owner, new_request_id, trace_id, well_formed

OWNERS = st.builds(Owner, st.integers(0, 2**20 - 1), st.integers(0, 2**12 - 1))
FORM = re.compile(r"[A-Za-z0-9_-]{15}=")


def test_a_connection_id_is_eleven_bytes_in_sixteen_characters_that_end_in_an_equals_sign() -> None:
    for _ in range(50):
        connection_id = ConnectionIds(b"key", Owner(1, 1)).new()
        assert FORM.fullmatch(connection_id)
        assert len(urlsafe_b64decode(connection_id)) == 11
        assert well_formed(connection_id)


@given(owner=OWNERS)
def test_a_connection_id_names_its_owner_to_whoever_has_the_key(owner: Owner) -> None:
    connection_id = ConnectionIds(b"key", owner).new()
    assert ConnectionIds(b"key", Owner(0, 0)).owner(connection_id) == owner
    assert ConnectionIds(b"another key", owner).owner(connection_id) is None


def test_connection_ids_do_not_repeat_and_do_not_count() -> None:
    ids = ConnectionIds(b"key", Owner(3, 4))
    made = [ids.new() for _ in range(20_000)]
    assert len(set(made)) == len(made)
    assert made != sorted(made)


def test_the_permutation_of_sequence_numbers_loses_none() -> None:
    ids = ConnectionIds(b"key", Owner(0, 0))
    numbers = [*range(10_000), *range(2**40 - 10_000, 2**40)]
    permuted = {ids._permute(number) for number in numbers}
    assert len(permuted) == len(numbers)
    assert all(0 <= number < 2**40 for number in permuted)


@pytest.mark.parametrize(
    "connection_id",
    ["", "abc", "JC1dgf9yoAMCK-g=", "gbgA_A9XiQAYKEiI6A==", "AAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAA==", "ж" * 16],
)
def test_an_id_of_another_gateway_has_no_owner_here(connection_id: str) -> None:
    assert ConnectionIds(b"key", Owner(0, 0)).owner(connection_id) is None


@given(text=st.text())
def test_any_text_may_be_asked_for_its_owner(text: str) -> None:
    assert ConnectionIds(b"key", Owner(0, 0)).owner(text) is None


@pytest.mark.parametrize(
    ("connection_id", "answer"),
    [
        ("JC1dgf9yoAMCK-g=", True),
        ("gbgA_A9XiQAYKEiI6A==", True),
        ("R2p1dcf8oAMCJhgA", True),
        ("A" * 40 + "AAA=", True),
        ("", False),
        ("abc", False),
        ("abc=", False),
        ("A" * 16 + "\n", False),
        ("JC1dgf9yoAMCK-g", False),
        ("JC1dgf9yoAMCK+g=", False),
        ("JC1dgf9yoAMC/-g=", False),
        ("JC1dgf9yoAMCK g=", False),
        ("===============A", False),
        ("AAAAAAAAAAAAA===", False),
        ("A" * 48, False),
        ("ААААААААААААААА=", False),
    ],
)
def test_a_well_formed_id_is_url_safe_base64_of_usual_length(connection_id: str, answer: bool) -> None:
    assert well_formed(connection_id) is answer


def test_the_disconnect_request_id_is_the_same_whoever_delivers_it() -> None:
    first, second = ConnectionIds(b"key", Owner(1, 1)), ConnectionIds(b"key", Owner(2, 7))
    request_id = first.disconnect_request_id("JC1dgf9yoAMCK-g=")
    assert FORM.fullmatch(request_id)
    assert second.disconnect_request_id("JC1dgf9yoAMCK-g=") == request_id
    assert first.disconnect_request_id("JC1dgf9yoAMCK-k=") != request_id


def test_request_ids_are_fresh_and_of_the_observed_form() -> None:
    made = {new_request_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(FORM.fullmatch(request_id) for request_id in made)


def test_a_trace_id_begins_with_the_time_in_hexadecimal_seconds() -> None:
    made = {trace_id(1768910108004) for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(rb"Root=1-696f6d1c-[0-9a-f]{24}", each) for each in made)
