"""Figures over time: what was added in each second, ten seconds and minute, in a space that does not grow."""

import random
from statistics import quantiles

import pytest

from gatewayapp.core.metrics import BOUNDS, RANGES, History, bucket, empty_histogram, merged, percentile

START = 1_000_000_020
"""A second that begins a minute."""


def histogram_of(latencies):
    histogram = empty_histogram()
    for latency in latencies:
        histogram[bucket(latency)] += 1
    return histogram


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_a_percentile_is_at_most_a_fifth_above_the_true_one(share):
    latencies = [random.Random(seed).lognormvariate(-3, 1) for seed in range(5_000)]
    true = quantiles(latencies, n=100, method="inclusive")[round(share * 100) - 1]
    assert true * 0.99 <= percentile(histogram_of(latencies), share) <= true * 1.2


def test_nothing_has_no_percentile_and_extremes_stay_within_the_bounds():
    assert percentile(empty_histogram(), 0.95) is None
    assert percentile(histogram_of([0.0]), 0.5) == BOUNDS[0]
    assert percentile(histogram_of([1e9]), 0.5) == BOUNDS[-1]


def latencies_of(count):
    histogram = empty_histogram()
    histogram[3] = count
    return histogram


def shown(history, seconds, per_second=1):
    """Let `per_second` happen in each second, and show it at the second's end."""
    for second in range(1, seconds + 1):
        count = second * per_second
        history.show(START + second, (count,), latencies_of(count), gauge=second)
    return START + seconds


def test_each_range_has_what_was_added_in_each_of_its_samples():
    history = History(1, START)
    end = shown(history, 7_200, per_second=2)

    seconds, tens, minutes = (history.read(name, end) for name in RANGES)

    assert seconds.columns[0] == [2.0] * 300
    assert tens.columns[0] == [20.0] * 360
    assert minutes.columns[0] == [0.0] * (1440 - 120) + [120.0] * 120
    assert merged(tens.histograms)[3] == 2 * 3600
    assert seconds.gauge[-1] == 7_200


def test_a_second_without_anything_is_zero_and_what_is_too_old_is_forgotten():
    history = History(1, START)
    end = shown(history, 10)
    history.show(end + 5, (10,), latencies_of(10))
    history.show(end + 6, (11,), latencies_of(11))

    samples = history.read("5m", end + 6)
    assert samples.columns[0][-6:] == [0.0] * 5 + [1.0]
    assert sum(samples.columns[0]) == 11
    assert sum(history.read("5m", end + 400).columns[0]) == 0
    assert sum(history.read("1h", end + 400).columns[0]) == 10


def test_a_sample_of_an_earlier_round_of_the_ring_is_not_taken_for_a_new_one():
    history = History(1, START)
    shown(history, 5)
    history.show(START + 305, (5,), latencies_of(5))
    assert sum(history.read("5m", START + 305).columns[0]) == 0


def test_what_was_added_lately_is_summed_over_whole_seconds():
    history = History(1, START)
    end = shown(history, 60, per_second=3)
    sums, histogram = history.recent(end, 10)
    assert (sums, histogram[3]) == ([30.0], 30)
