"""What is exported and imported again is the same API."""

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewayapp.controlplane import operations
from gatewayapp.interchange import Rejected, export_api
from gatewayapp.interchange.documents import dump
from tests.interchange.samples import DOCUMENT, LAMBDA, REAL, imported, real

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("export_format", ["nopal", "cloudformation"])
@pytest.mark.parametrize("name", REAL)
def test_a_real_template_comes_back_as_it_went(name, export_format):
    api, _ = imported(real(name))
    text = export_api(api.pk, export_format)

    again, result = imported(text)

    assert result.notes == ()
    assert export_api(again.pk, export_format) == text
    assert export_api(again.pk) == export_api(api.pk)


@pytest.mark.parametrize("name", REAL)
def test_what_is_exported_differs_in_nothing_from_the_api_that_it_came_from(name):
    api, _ = imported(real(name))

    assert imported(export_api(api.pk), api.pk)[1].changes == ()


def test_a_stage_exports_what_it_serves_though_the_draft_is_another():
    api, _ = imported(DOCUMENT)
    served = export_api(api.pk)
    operations.create_route(api_id=api.pk, route_key="later")
    operations.create_stage(api_id=api.pk, stage_name="other")

    assert export_api(api.pk, stage_name="prod") == served
    assert "later" in export_api(api.pk)


def test_a_stage_that_serves_nothing_cannot_be_exported():
    api, _ = imported(DOCUMENT.replace("stageVariables: {room: blue}", "deployed: false"))

    with pytest.raises(Rejected, match="Stage prod serves no deployment yet"):
        export_api(api.pk, stage_name="prod")


def test_integrations_are_called_after_the_first_route_that_uses_them():
    text = """
nopal: 1
api: {name: chat, routeSelectionExpression: $request.body.action}
integrations:
  x: {integrationType: MOCK}
  y: {integrationType: MOCK, description: y}
  z: {integrationType: MOCK, description: z}
  nobody: {integrationType: MOCK, description: n}
routes:
  room/join: {integration: x}
  room_join: {integration: x}
  room.join: {integration: y}
  $connect: {integration: z}
"""
    api, _ = imported(text)

    exported = export_api(api.pk)

    places = [exported.index(f"\n  {name}:\n") for name in ("connect", "room-join", "room-join-2", "unused")]
    assert places == sorted(places)
    assert export_api(imported(exported)[0].pk) == exported


def test_a_schema_that_looks_like_a_function_goes_through_a_template_as_text():
    schema = {"properties": {"x": {"Ref": "y"}}}
    document = {
        "nopal": 1,
        "api": {"name": "chat", "routeSelectionExpression": "$request.body.action"},
        "models": {"M": {"schema": schema}},
    }
    api, _ = imported(dump(document))

    again, _ = imported(export_api(api.pk, "cloudformation"))

    assert export_api(again.pk) == export_api(api.pk)


@pytest.mark.parametrize("schema", ["", "no JSON", "[]", '"text"', '{"a":' * 500 + "1" + "}" * 500, '{"a": 1.50}'])
def test_whatever_a_schema_holds_it_comes_back(schema):
    api = operations.create_api(
        name="chat", protocol_type="WEBSOCKET", route_selection_expression="$request.body.action"
    )
    operations.create_model(api_id=api.pk, name="M", schema=schema)

    for export_format in ("nopal", "cloudformation"):
        again, _ = imported(export_api(api.pk, export_format))
        assert export_api(again.pk) == export_api(api.pk)
    assert export_api(api.pk, "asyncapi")


# APIs made up by hypothesis.

_TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=12)
_PLAIN = st.text("abc {}[]:'\"\n\\", max_size=12)
_NAME = st.text("abcXYZ019", min_size=1, max_size=6)
_KEY = st.sampled_from(["$connect", "$disconnect", "$default"]) | st.text("ab/_-.1", min_size=1, max_size=4)
_TAGS = st.dictionaries(
    _TEXT.filter(lambda key: not key.startswith("aws:") and key not in ("Ref", "Condition")), _TEXT, max_size=2
)
_RESPONSES = st.dictionaries(
    st.sampled_from(["$default", r"/4\d\d/", "/200/", "/.*/"]),
    st.fixed_dictionaries({}, optional={"responseTemplates": st.dictionaries(_TEXT, _PLAIN, max_size=2)}),
    max_size=3,
)
_SCHEMA = st.recursive(
    st.booleans() | st.integers() | _TEXT,
    lambda values: st.lists(values, max_size=2) | st.dictionaries(_TEXT, values, max_size=2),
    max_leaves=5,
)


def _optional(**members: st.SearchStrategy) -> dict[str, st.SearchStrategy]:
    return members


_SHARED = _optional(
    description=_TEXT,
    timeoutInMillis=st.integers(50, 29_000),
    contentHandlingStrategy=st.sampled_from(["CONVERT_TO_TEXT", "CONVERT_TO_BINARY"]),
    requestParameters=st.dictionaries(
        st.sampled_from(["integration.request.header.a", "integration.request.querystring.b"]),
        st.sampled_from(["context.connectionId", "'literal'", "route.request.body.x", "stageVariables.v"]),
        max_size=2,
    ),
)
_INTEGRATION = st.one_of(
    st.fixed_dictionaries(
        {
            "integrationType": st.sampled_from(["HTTP", "HTTP_PROXY"]),
            "integrationMethod": st.sampled_from(["POST", "GET"]),
            "integrationUri": st.sampled_from(["http://backend.example/", "https://${stageVariables.host}/x?y=${z}"]),
        },
        optional=_SHARED | {"tlsConfig": st.just({"serverNameToVerify": "x.example"})},
    ),
    st.fixed_dictionaries(
        {
            "integrationType": st.just("AWS_PROXY"),
            "integrationUri": st.sampled_from([LAMBDA.format(name) for name in "fg"]),
        },
        optional=_SHARED | {"passthroughBehavior": st.just("NEVER")},
    ),
    st.fixed_dictionaries(
        {"integrationType": st.just("MOCK")},
        optional=_SHARED
        | {
            "integrationResponses": _RESPONSES,
            "requestTemplates": st.dictionaries(_TEXT, _PLAIN, max_size=2),
            "passthroughBehavior": st.sampled_from(["NEVER", "WHEN_NO_MATCH"]),
        },
    ),
)
_SETTINGS = st.fixed_dictionaries(
    {},
    optional=_optional(
        dataTraceEnabled=st.booleans(),
        loggingLevel=st.sampled_from(["OFF", "INFO"]),
        throttlingRateLimit=st.floats(0, 1e6, allow_nan=False),
    ),
)
_STAGE = st.fixed_dictionaries(
    {},
    optional=_optional(
        autoDeploy=st.booleans(),
        deployed=st.booleans(),
        description=_TEXT,
        defaultRouteSettings=_SETTINGS,
        stageVariables=st.dictionaries(_NAME, st.text("aB1-._~:/?#&=,", min_size=1, max_size=8), max_size=2),
        tags=_TAGS,
        limits=st.fixed_dictionaries(
            {}, optional=_optional(maxInFlight=st.integers(1, 9), idleTimeout=st.floats(0, 9))
        ),
    ),
)


@st.composite
def documents(draw: st.DrawFn) -> dict:
    """A Nopal document of an API that can be imported."""
    integrations = draw(st.dictionaries(_NAME, _INTEGRATION, max_size=3))
    routes = {}
    for key in draw(st.lists(_KEY, min_size=1, max_size=4, unique=True)):
        route = routes[key] = {}
        if integrations and draw(st.booleans()):
            route["integration"] = draw(st.sampled_from(sorted(integrations)))
        if draw(st.booleans()):
            route["routeResponses"] = {"$default": draw(st.sampled_from([{}, {"responseModels": {"$default": "M"}}]))}
        if key == "$connect" and draw(st.booleans()):
            route["requestParameters"] = {"route.request.header.x": {"required": draw(st.booleans())}}
    stages = draw(st.dictionaries(_NAME, _STAGE, max_size=2))
    for stage in stages.values():
        if draw(st.booleans()):
            stage["routeSettings"] = {draw(st.sampled_from(sorted(routes))): draw(_SETTINGS)}
    optional = _optional(description=_TEXT, version=_TEXT, tags=_TAGS, disableSchemaValidation=st.booleans())
    required = {"name": _TEXT, "routeSelectionExpression": st.just("$request.body.action")}
    schemas = st.dictionaries(_TEXT, _SCHEMA, max_size=3)
    models = st.dictionaries(
        _NAME, st.fixed_dictionaries({"schema": schemas}, optional={"description": _TEXT}), max_size=2
    )
    uri = {"authorizerUri": st.just(LAMBDA.format("auth"))}
    sources = {
        "identitySource": st.just(["route.request.querystring.token"]),
        "authorizerResultTtlInSeconds": st.integers(0, 9),
    }
    return {
        "nopal": 1,
        "api": draw(st.fixed_dictionaries(required, optional=optional)),
        "authorizers": draw(st.dictionaries(_TEXT, st.fixed_dictionaries(uri, optional=sources), max_size=2)),
        "models": draw(models),
        "integrations": integrations,
        "routes": routes,
        "stages": stages,
    }


@given(document=documents())
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_api_comes_back_as_it_went(document):
    with transaction.atomic():
        api, _ = imported(dump(document))
        as_nopal, as_template = export_api(api.pk), export_api(api.pk, "cloudformation")

        from_nopal, _ = imported(as_nopal)
        from_template, _ = imported(as_template)
        into_itself = imported(as_template, api.pk)[1]

        assert export_api(from_nopal.pk) == as_nopal
        assert export_api(from_template.pk) == as_nopal
        assert export_api(from_nopal.pk, "cloudformation") == as_template
        assert into_itself.changes == ()
        transaction.set_rollback(True)
