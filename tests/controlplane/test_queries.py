"""Reads ask the database a number of times that does not depend on how much there is."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gatewayapp.controlplane import operations
from gatewayapp.models import Authorizer, Route
from tests.controlplane.builders import LAMBDA, make_api, make_deployment, make_integration, make_route, make_stage
from tests.controlplane.wire import HOST, Caller


@pytest.fixture
def call(db, settings):
    settings.ALLOWED_HOSTS = [HOST]
    return Caller.who_may(("*", "*"))


def read(call, path):
    """How many resources are listed and how many queries that takes, the one for the key included."""
    with CaptureQueriesContext(connection) as queries:
        answer = call("GET", path)
    return len(answer.json()["items"]), len(queries)


def test_300_routes_are_read_in_three_queries(call):
    api = make_api()
    integration, authorizer = make_integration(api), Authorizer.objects.create(api=api, authorizer_uri=LAMBDA)
    parts = {"api": api, "integration": integration, "authorizer": authorizer}
    Route.objects.bulk_create(Route(route_key=f"r{number}", **parts) for number in range(300))

    assert read(call, f"/v2/apis/{api.pk}/routes") == (300, 3)


def fill(first, round_number):
    """Another of every kind of resource, in or beside the first API, named by the number of the round."""
    api_id, name = first["api"].pk, f"name{round_number}"
    names = {"api_id": api_id, "integration_id": first["integration"].pk}
    make_api(name=name)
    make_stage(first["api"], name, deployment_id=make_deployment(first["api"]).pk)
    integration = make_integration(first["api"])
    make_route(first["api"], name, target=f"integrations/{integration.pk}")
    authorizer = {"name": name, "authorizer_type": "REQUEST", "authorizer_uri": LAMBDA, "identity_source": []}
    operations.create_authorizer(api_id=api_id, **authorizer)
    operations.create_model(api_id=api_id, name=name, schema="{}")
    operations.create_integration_response(**names, integration_response_key=f"/{name}/")
    operations.create_domain_name(domain_name=f"{name}.example.com")
    operations.create_api_mapping(
        domain_name="chat.example.com", api_id=api_id, stage=name, api_mapping_key=f"v{round_number}"
    )


@pytest.fixture
def first(call):
    api = make_api()
    operations.create_domain_name(domain_name="chat.example.com")
    return {"api": api, "integration": make_integration(api)}


LISTS = {
    "/v2/apis": 3,
    "/v2/apis/{api}/authorizers": 3,
    "/v2/apis/{api}/deployments": 3,
    "/v2/apis/{api}/integrations": 3,
    "/v2/apis/{api}/integrations/{integration}/integrationresponses": 4,
    "/v2/apis/{api}/models": 3,
    "/v2/apis/{api}/routes": 3,
    "/v2/apis/{api}/stages": 3,
    "/v2/domainnames": 3,
    "/v2/domainnames/chat.example.com/apimappings": 3,
}
"""Each list, and the queries it takes: the key, what it belongs to, the list. (A route has one route response.)"""


def test_lists_of_any_length_take_the_same_queries(call, first):
    paths = {path: path.format(**{name: part.pk for name, part in first.items()}) for path in LISTS}
    for round_number in range(2):
        fill(first, round_number)
    short = {path: read(call, paths[path]) for path in LISTS}
    for round_number in range(2, 6):
        fill(first, round_number)
    long = {path: read(call, paths[path]) for path in LISTS}

    assert {path: queries for path, (_, queries) in long.items()} == LISTS
    for path in LISTS:
        assert (long[path][0] - short[path][0], long[path][1]) == (4, short[path][1]), path


def test_the_last_page_takes_no_more_queries_than_the_first(call, first):
    for round_number in range(5):
        fill(first, round_number)
    path = f"/v2/apis/{first['api'].pk}/routes?maxResults=2"
    token = call("GET", path).json()["nextToken"]

    assert read(call, f"{path}&nextToken={token}") == read(call, path) == (2, 3)
