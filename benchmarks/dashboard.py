"""`python -m benchmarks.dashboard [--connections N]`: what the list of connections takes on the server.

Everything that a request passes through but its socket, in one process: the database, the gateway's memory, the REST
API. Each request is made several times; the medians are printed, with the number of queries.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

import psutil

REQUESTS = {
    "the first page": "",
    "the first page, 100 rows": "pageSize=100",
    "the oldest first": "sort=oldest",
    "by API and stage": "apiId={api_id}&stage=prod",
    "by network": "sourceIp=10.0.12.0/24",
    "by exact id": "connectionId={connection_id}",
    "by the start of the id": "connectionIdPrefix={prefix}",
    "by user agent": "userAgent=probe",
    "by principal": "principalId=user-7",
    "by the start of the principal": "principalIdPrefix=user-99",
    "by age": "minAge=600&maxAge=1200",
    "with errors": "hasErrors=true",
    "with errors, by user agent": "hasErrors=true&userAgent=probe",
    "slow consumers": "slowConsumer=true",
    "idle for five minutes": "minIdle=300",
    "not idle": "maxIdle=60",
}
_API_ID = "crowd00000"
_TURNS = 7


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboard", description=sys.modules[__name__].__doc__)
    parser.add_argument("--connections", type=int, default=50_000, help="how many there are (default: %(default)s)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="nopal-benchmarks-") as directory:
        os.environ |= {"NOPAL_DATA_DIR": directory, "DJANGO_SETTINGS_MODULE": "gatewayapp.settings"}
        _measure(options.connections)


def _measure(count: int) -> None:
    import django

    django.setup()
    from benchmarks.crowd import crowd

    get = _caller()
    process = psutil.Process()
    before = process.memory_info().rss
    with crowd(count, _API_ID) as connections:
        grown = (process.memory_info().rss - before) / count / 1024
        print(f"{count:,} connections without sockets, {grown:.1f} KiB each; medians of {_TURNS}\n")
        print(f"{'request':32} {'ms':>7} {'queries':>8} {'matches':>8}")
        some_id = next(iter(connections)).info.connection_id
        for name, query in REQUESTS.items():
            filled = query.format(api_id=_API_ID, connection_id=some_id, prefix=some_id[:6])
            times, queries, total = _timed(get, filled)
            print(f"{name:32} {statistics.median(times):7.1f} {queries:8} {total:8,}")


def _caller() -> Any:
    """An administrator's calls of the list."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client

    from gatewayapp.controlplane.operations.api_tokens import create_api_token
    from gatewayapp.core.roles import Permission

    call_command("migrate", interactive=False, verbosity=0)
    settings.ALLOWED_HOSTS = ["testserver"]
    user = User.objects.create_superuser("ann", password="a-cactus-in-the-sun")
    _, token = create_api_token(user_id=user.pk, name="benchmarks", scopes=list(Permission))
    headers = {"Authorization": f"Bearer {token}"}
    return lambda query: Client().get(f"/api/v1/connections?{query}", headers=headers)


def _timed(get: Any, query: str) -> tuple[list[float], int, int]:
    """Milliseconds of each turn, the queries of one, and how many match."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        total = get(query).json()["total"]
    queries = len(captured)
    times = []
    for _ in range(_TURNS):
        started = time.perf_counter()
        answer = get(query)
        times.append((time.perf_counter() - started) * 1000)
        assert answer.status_code == 200, answer.content
    return times, queries, total


if __name__ == "__main__":
    main()
