"""Where an integration's requests go, before there are any."""

import pytest

from gatewayapp.core.destinations import FunctionDestination, HttpDestination, destination_of
from gatewayapp.core.errors import ConfigurationFailure
from gatewayapp.core.messages import Origin
from gatewayapp.core.snapshot import load_integration
from tests.core.test_graph import http, lambda_proxy, mock

CASES = [
    (http("i1", "https://b.example/x"), HttpDestination(Origin("https", "b.example", 443))),
    (
        http("i1", "http://${stageVariables.host}:81/{id}", requestParameters={"integration.request.path.id": "'a'"}),
        HttpDestination(Origin("http", "c.example", 81)),
    ),
    (
        http("i1", "https://b.example/", tlsConfig={"serverNameToVerify": "n.example"}),
        HttpDestination(Origin("https", "b.example", 443), "n.example"),
    ),
    (lambda_proxy("i1"), FunctionDestination("us-east-1")),
    (mock("i1"), None),
]


@pytest.mark.parametrize(("document", "destination"), CASES)
def test_the_destination(document, destination):
    assert destination_of(load_integration(document), {"host": "c.example"}) == destination


def test_a_missing_stage_variable_is_told():
    with pytest.raises(ConfigurationFailure, match="'host'"):
        destination_of(load_integration(http("i1", "http://${stageVariables.host}/")), {})
