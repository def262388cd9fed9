"""Token buckets on a clock of the test's own."""

import pytest

from gatewayapp.core.buckets import TokenBucket


@pytest.mark.parametrize(
    ("rate", "burst", "times", "taken"),
    [
        (1, 2, [0, 0, 0], [True, True, False]),
        (1, 2, [0, 0, 0.5, 1.0, 1.0], [True, True, False, True, False]),
        (10, 20, [0] * 21, [True] * 20 + [False]),
        (1, 2, [0, 0, 100, 100, 100], [True, True, True, True, False]),
        (0.1, 0.2, [0, 0, 9, 10, 10], [True, False, False, True, False]),
    ],
)
def test_a_bucket_starts_full_and_refills_at_its_rate(
    rate: float, burst: float, times: list[float], taken: list[bool]
) -> None:
    bucket = TokenBucket(rate, burst, 0.0)
    assert [bucket.take(time) for time in times] == taken


def test_what_is_refused_takes_nothing() -> None:
    bucket = TokenBucket(10, 20, 0.0)
    assert not bucket.take(0.0, 21)
    assert bucket.take(0.0, 20)
    assert not bucket.take(0.0, 1)
