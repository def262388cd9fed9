"""Changes as sentences, with the nodes that they are about."""

import pytest

from gatewayapp.core.masking import Mask
from gatewayapp.core.redaction import Redactor
from gatewayapp.core.told import tell
from tests.core.test_graph import http, lambda_proxy, mock, route, snapshot

REDACTOR = Redactor(Mask())
BASE = snapshot(
    routes=[route("send", "i1"), route("$default")],
    integrations=[
        http("i1", "http://a.example/in"),
        http("i2", "http://b.example/in?token=swordfish", timeoutInMillis=29000),
    ],
    models=[{"name": "Note", "modelId": "m1", "schema": "{}"}],
    authorizers=[{"name": "gate", "authorizerId": "g1", "identitySource": []}],
)


def but(**parts):
    return {**BASE, **parts}


def routes(*others):
    keys = {each["routeKey"] for each in others}
    return [each for each in BASE["routes"] if each["routeKey"] not in keys] + list(others)


def integrations(*others):
    ids = {each["integrationId"] for each in others}
    return [each for each in BASE["integrations"] if each["integrationId"] not in ids] + list(others)


I2 = BASE["integrations"][1]
RESPONSE = {"integrationResponseKey": "/5.. no/", "integrationResponseId": "x1"}

CASES = [
    (
        but(routes=routes(route("join", "i1"))),
        "Adds route join, which leads to POST http://a.example/in.",
        "route/idjoin",
    ),
    (but(routes=routes(route("join"))), "Adds route join, which leads nowhere.", "route/idjoin"),
    (but(routes=BASE["routes"][1:]), "Removes route send.", "route/idsend"),
    (
        but(routes=routes(route("send", "i2"))),
        "Changes route send: leads to POST http://b.example/in instead of POST http://a.example/in.",
        "route/idsend",
    ),
    (
        but(routes=routes(route("send"))),
        "Changes route send: leads nowhere instead of to POST http://a.example/in.",
        "route/idsend",
    ),
    (
        but(routes=routes(route("$default", "i1", operationName="Any"))),
        "Changes route $default: operationName is Any; leads to POST http://a.example/in.",
        "route/iddefault",
    ),
    (
        but(routes=routes(route("$default", authorizerId="g1"))),
        "Changes route $default: authorizer is gate.",
        "route/iddefault",
    ),
    (but(routes=routes(route("send", "i1", two_way=True))), "Makes route send two-way.", "route/idsend"),
    (
        but(integrations=integrations(lambda_proxy("i3"))),
        "Adds integration function chat:live.",
        "integration/i3",
    ),
    (but(integrations=integrations(mock("i3"))), "Adds integration MOCK.", "integration/i3"),
    (
        but(integrations=integrations({**I2, "timeoutInMillis": 50, "requestTemplates": {"a": "b"}})),
        "Changes integration POST http://b.example/in: requestTemplates of a; timeoutInMillis from 29000 to 50.",
        "integration/i2",
    ),
    (
        but(integrations=integrations({**I2, "integrationUri": "http://b.example/in?token=other"})),
        "Changes integration POST http://b.example/in: integrationUri changes.",
        "integration/i2",
    ),
    (
        but(integrations=integrations({**I2, "integrationResponses": [RESPONSE]})),
        "Adds response /5.. no/ of integration POST http://b.example/in.",
        "integration/i2",
    ),
    (but(models=[]), "Removes model Note.", ""),
    (but(models=[{**BASE["models"][0], "schema": "{" * 100}]), "Changes model Note: schema changes.", ""),
    (
        but(authorizers=[{**BASE["authorizers"][0], "identitySource": ["route.request.header.a"]}]),
        "Changes authorizer gate: identitySource changes.",
        "authorizer/g1",
    ),
    (
        but(api={**BASE["api"], "routeSelectionExpression": "$request.body.type"}),
        "Changes the API: routeSelectionExpression from $request.body.action to $request.body.type.",
        "selector",
    ),
    (but(api={**BASE["api"], "description": "x\ny"}), "Changes the API: description is set.", ""),
    (
        but(api={**BASE["api"], "disableExecuteApiEndpoint": True}),
        "Changes the API: disableExecuteApiEndpoint is true.",
        "",
    ),
]


@pytest.mark.parametrize(("after", "sentence", "node"), CASES, ids=[case[1] for case in CASES])
def test_a_change_is_told_in_a_sentence(after, sentence, node):
    [told] = tell(BASE, after, REDACTOR)
    assert (told.sentence, told.node) == (sentence, node)


@pytest.mark.parametrize(("before", "node"), [(case[0], case[2]) for case in CASES], ids=[case[1] for case in CASES])
def test_the_way_back_is_told_as_well_and_no_secret_is(before, node):
    [told] = tell(before, BASE, REDACTOR)
    assert told.node == node
    assert told.sentence.startswith(("Adds ", "Removes ", "Changes ", "Makes "))
    assert told.sentence.endswith(".")
    assert "swordfish" not in told.sentence
    assert "None" not in told.sentence


def test_the_response_of_a_route_that_goes_goes_with_it():
    before = but(routes=routes(route("send", "i1", two_way=True)))
    sentences = [told.sentence for told in tell(before, but(routes=BASE["routes"][1:]), REDACTOR)]
    assert sentences == ["Removes route send.", "Removes the response of route send."]
    assert [told.sentence for told in tell(before, BASE, REDACTOR)] == ["Makes route send one-way."]


def test_nothing_is_told_of_equals():
    same = snapshot(**{name: BASE[name] for name in ("routes", "integrations", "models", "authorizers")})
    assert tell(BASE, same, REDACTOR) == ()
