"""The list of connections over many: each filter finds the same from the database and from memory, at the same cost."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks.crowd import crowd
from gatewayapp.dataplane.connections import Connections
from tests.controlplane.v1.conftest import Caller

COUNT = 700


@pytest.fixture
def many(db: None) -> Iterator[Connections]:
    with crowd(COUNT) as connections:
        yield connections


def read(caller: Caller, query: str) -> tuple[dict, int]:
    with CaptureQueriesContext(connection) as queries:
        answer = caller("GET", f"connections?{query}")
    assert answer.status_code == 200, answer.content
    return answer.json(), len(queries)


def test_a_page_takes_the_same_queries_whatever_its_size_its_filter_and_how_many_there_are(admin, many):
    read(admin, "")  # the token's first use is noted
    queries = {
        read(admin, query)[1]
        for query in (
            "pageSize=1",
            "pageSize=100",
            "sort=oldest",
            "userAgent=probe&pageSize=100",
            "principalIdPrefix=user-1",
            "connectionIdPrefix=A",
        )
    }
    assert queries == {4}  # the token, whether this is a restored copy, the count, the page
    from_memory = {
        read(admin, query)[1]
        for query in ("hasErrors=true&pageSize=1", "minIdle=300&pageSize=100", "slowConsumer=true", "hasErrors=false")
    }
    assert from_memory == {2}


CONDITIONS = [
    "apiId=crowd00000&stage=prod",
    "stage=other",
    "sourceIp=10.0.1.0/24",
    "userAgent=PROBE",
    "principalId=user-7",
    "principalIdPrefix=user-69",
    "principalIdPrefix=USER-69",
    "minAge=0&maxAge=100000",
    "minAge=100000",
    "connectionId={ids}",
    "connectionIdPrefix={prefix}",
]


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("sort", ["youngest", "oldest"])
def test_memory_and_database_agree(admin, many, condition, sort):
    ids = [each.info.connection_id for each in many]
    condition = condition.format(ids=f"{ids[3]},{ids[5]},none", prefix=ids[0][:3])
    asked = f"{condition}&sort={sort}&pageSize=100"
    from_database, _ = read(admin, asked)
    from_memory, _ = read(admin, f"{asked}&minIdle=0")
    assert from_memory == {**from_database, "items": from_memory["items"]}
    assert [item["connectionId"] for item in from_memory["items"]] == [
        item["connectionId"] for item in from_database["items"]
    ]


def test_conditions_of_the_moment_find_those_that_meet_them(admin, many):
    def found(query: str) -> int:
        return int(read(admin, query)[0]["total"])

    assert found("hasErrors=true") == sum(each.errors > 0 for each in many) == 100
    assert found("hasErrors=false") == COUNT - 100
    assert found("slowConsumer=true") == 7
    assert found("slowConsumer=true&hasErrors=true") == 1
    assert found("minIdle=300") == 70
    assert found("maxIdle=300") == COUNT - 70
    assert found("minIdle=300&stage=other") == 0


def test_pages_from_memory_follow_one_another(admin, many):
    seen, cursor = [], ""
    while True:
        page, _ = read(admin, f"hasErrors=true&pageSize=30{cursor}")
        seen += [item["connectionId"] for item in page["items"]]
        if page["nextCursor"] is None:
            break
        cursor = f"&cursor={page['nextCursor']}"
    expected = sorted(((each.info.connected_at, each.info.connection_id) for each in many if each.errors), reverse=True)
    assert seen == [connection_id for _, connection_id in expected]
