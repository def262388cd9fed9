"""How often each line of a package runs: work that can be counted, where time would depend on the machine."""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

ROOT = Path(__file__).parents[2]

Line = tuple[str, int]


def count_lines(function: Callable[[], object], folder: str = "gatewayapp") -> Counter[Line]:
    """Runs of each line below the folder, by file and line number, while the function runs."""
    counts: Counter[Line] = Counter()
    below: dict[CodeType, bool] = {}
    prefix = str(ROOT / folder)

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        if code not in below:
            below[code] = code.co_filename.startswith(prefix)
        return trace_line if below[code] else None

    def trace_line(frame: FrameType, event: str, argument: Any) -> Any:
        counts[frame.f_code.co_filename, frame.f_lineno] += 1
        return trace_line

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return counts


def lines_that_grow(small: Counter[Line], large: Counter[Line], factor: float, spare: int = 50) -> list[str]:
    """Lines that run more than `factor` times as often in `large`, beyond a few runs."""
    return [
        f"{Path(file).relative_to(ROOT)}:{number} ran {small[file, number]:,} and {count:,} times"
        for (file, number), count in large.items()
        if count > factor * small[file, number] + spare
    ]
