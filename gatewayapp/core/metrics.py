"""Figures over time: histograms of latencies, and rings of samples that remember a day in a bounded space.

Whoever counts, counts up for ever; a `History` is shown the counts once a second and keeps what was added in each
second of the last 5 minutes, each 10 seconds of the last hour and each minute of the last day.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from struct import iter_unpack, pack

_LEAST = 0.0001
_STEPS_TO_DOUBLE = 4
_BUCKETS = 80
BOUNDS = tuple(_LEAST * 2 ** (number / _STEPS_TO_DOUBLE) for number in range(_BUCKETS - 1))
"""Upper bounds of all buckets but the last, in seconds: from 0.1 ms to 74 s, each 19 % above the one before."""

Histogram = list[int]
"""How many latencies fell into each bucket."""


@dataclass(frozen=True, slots=True)
class Range:
    """How far back figures go, and how finely: `points` of `step` seconds each."""

    step: int
    points: int


RANGES = {"5m": Range(1, 300), "1h": Range(10, 360), "24h": Range(60, 1440)}


def empty_histogram() -> Histogram:
    return [0] * _BUCKETS


def bucket(seconds: float) -> int:
    """The bucket that a latency falls into."""
    return bisect_left(BOUNDS, seconds)


def percentile(histogram: Sequence[int], share: float) -> float | None:
    """The latency in seconds that `share` of all are not above, None where there are none; 19 % too high at most."""
    rank = share * sum(histogram)
    if not rank:
        return None
    number = next(number for number, seen in enumerate(accumulate(histogram)) if seen >= rank)
    return BOUNDS[min(number, len(BOUNDS) - 1)]


class History:
    """What was added to some counts, and to a histogram, over time; and the level of one gauge."""

    __slots__ = ("_rings",)

    def __init__(self, counts: int, second: int) -> None:
        self._rings = {name: _Ring(each, counts, second) for name, each in RANGES.items()}

    def show(self, second: int, counts: Sequence[int], histogram: Histogram, gauge: int = 0) -> None:
        """Take what the counts (and the histogram) are now, at `second` (epoch), all of them only ever growing."""
        for ring in self._rings.values():
            ring.show(second, counts, histogram, gauge)

    def read(self, range_name: str, second: int) -> "Samples":
        """The complete samples of a range that ends at `second`."""
        return self._rings[range_name].read(second)

    def recent(self, second: int, seconds: int) -> tuple[list[float], Histogram]:
        """The sums of the counts over the last whole seconds, and their histogram."""
        ring = self._rings["5m"]
        slots = [ring.slot(each) for each in range(second - seconds, second)]
        sums = [sum(column[slot] for slot in slots if slot is not None) for column in ring.columns]
        return sums, merged(ring.histograms[slot] for slot in slots if slot is not None)


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of a range, oldest first: a column for each count, the gauge's levels, packed histograms."""

    columns: list[list[float]]
    gauge: list[float]
    histograms: list[bytes]


def merged(packed: Iterable[bytes]) -> Histogram:
    """The sum of packed histograms."""
    histogram = empty_histogram()
    for each in packed:
        for number, count in iter_unpack("<BI", each):
            histogram[number] += count
    return histogram


class _Ring:
    """Samples of one step's length; one that was not written for its time is zeros, so that idling costs nothing."""

    __slots__ = ("_base", "_base_histogram", "_number", "_range", "_written", "columns", "gauge", "histograms")

    def __init__(self, range_: Range, counts: int, second: int) -> None:
        self._range = range_
        self._number = second // range_.step
        """The sample that is being taken."""
        self._written = array("q", [-1]) * range_.points
        self._base: Sequence[int] = (0,) * counts
        self._base_histogram: Histogram = empty_histogram()
        self.columns = [array("f", [0.0]) * range_.points for _ in range(counts)]
        self.gauge = array("f", [0.0]) * range_.points
        self.histograms = [b""] * range_.points

    def show(self, second: int, counts: Sequence[int], histogram: Histogram, gauge: int) -> None:
        number = second // self._range.step
        if number == self._number:
            return
        if gauge or counts != self._base or histogram != self._base_histogram:
            self._write(counts, histogram, gauge)
        self._number = number

    def read(self, second: int) -> Samples:
        end = second // self._range.step
        slots = [self.slot(number) for number in range(end - self._range.points, end)]
        return Samples(
            [[0.0 if slot is None else column[slot] for slot in slots] for column in self.columns],
            [0.0 if slot is None else self.gauge[slot] for slot in slots],
            [b"" if slot is None else self.histograms[slot] for slot in slots],
        )

    def slot(self, number: int) -> int | None:
        """Where the sample with this number is, None if there is none."""
        slot = number % self._range.points
        return slot if self._written[slot] == number else None

    def _write(self, counts: Sequence[int], histogram: Histogram, gauge: int) -> None:
        slot = self._number % self._range.points
        for column, count, base in zip(self.columns, counts, self._base, strict=True):
            column[slot] = count - base
        self.gauge[slot] = gauge
        self.histograms[slot] = b"".join(
            pack("<BI", number, count - base)
            for number, (count, base) in enumerate(zip(histogram, self._base_histogram, strict=True))
            if count != base
        )
        self._written[slot] = self._number
        self._base, self._base_histogram = counts, histogram
