"""Ten times as large a document is at most twelve times the work, in every pass that is made over it.

Work is counted: lines of the gateway's code, and queries. `python -m benchmarks.imports` measures the time.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from benchmarks.imports import cloudformation_template, nopal_document, sam_template
from dashboard.pictures import drawn
from gatewayapp.controlplane import operations
from gatewayapp.core.layout import arranged
from gatewayapp.core.pictures import picture
from gatewayapp.interchange import FORMATS, Imported, apply, export_api, preview
from gatewayapp.interchange.documents import dump
from gatewayapp.interchange.reading import read
from tests.support.line_counts import count_lines, lines_that_grow

SMALL, LARGE = 4, 40
FACTOR = 12
PSEUDO = {"AWS::AccountId": "000000000000", "AWS::Partition": "aws", "AWS::Region": "us-east-1"}


def reader(document: Callable[[int], Any], write: Callable[[Any], str]) -> Callable[[int], Callable[[], object]]:
    def prepare(size: int) -> Callable[[], object]:
        text = write(document(size))
        return lambda: read(text, {}, None, PSEUDO)

    return prepare


@pytest.mark.parametrize("write", [json.dumps, dump], ids=["json", "yaml"])
@pytest.mark.parametrize("document", [nopal_document, cloudformation_template, sam_template])
def test_reading_grows_with_the_document(document, write, db):
    prepare = reader(document, write)

    assert not growing_lines(prepare(SMALL), prepare(LARGE))


def test_importing_and_exporting_grow_with_the_document(db):
    small, large = Stages(SMALL), Stages(LARGE)

    for name in Stages.names:
        assert not growing_lines(getattr(small, name), getattr(large, name)), name


class Stages:
    """What can be done with a document of a size, in the order in which it is done."""

    names = ("create", "repeat", "replace", "draw", "compare", "export")

    def __init__(self, size: int) -> None:
        self._size = size
        self._plan = read(json.dumps(nopal_document(size)), {}, None, PSEUDO)
        self._changed = read(json.dumps(nopal_document(size, host="changed.example")), {}, None, PSEUDO)
        self._api_id = ""
        self._imported: Imported | None = None

    def create(self) -> None:
        self._api_id = apply(self._plan).api_id

    def repeat(self) -> None:
        assert preview(self._plan, self._api_id).changes == ()

    def replace(self) -> None:
        self._imported = apply(self._changed, self._api_id)
        assert len(self._imported.changes) >= self._size

    def draw(self) -> None:
        assert picture(self._imported.graph, arranged(self._imported.graph))["nodes"]
        assert drawn(self._imported.comparison).nodes

    def compare(self) -> None:
        first = operations.get_deployments(api_id=self._api_id).order_by("created_date").first()
        assert operations.diff_deployments(api_id=self._api_id, before=first.pk, after="draft")
        assert operations.get_draft_status(api_id=self._api_id).stages

    def export(self) -> None:
        for export_format in FORMATS:
            assert export_api(self._api_id, export_format)


def growing_lines(small: Callable[[], object], large: Callable[[], object]) -> list[str]:
    """Lines and queries that grow faster than the document."""
    few, many = Counter(), Counter()
    with connection.execute_wrapper(few):
        lines = count_lines(small)
    with connection.execute_wrapper(many):
        found = lines_that_grow(lines, count_lines(large), FACTOR)
    if many.queries > FACTOR * few.queries:
        found.append(f"{few.queries:,} queries became {many.queries:,}")
    return found


class Counter:
    """Counts queries, around each of which Django calls it."""

    def __init__(self) -> None:
        self.queries = 0

    def __call__(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        self.queries += 1
        return execute(*arguments)
