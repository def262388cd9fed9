"""Carrying out a plan: a new API, or one that is there already, as a whole or not at all."""

import pytest

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations.audit_entries import get_audit_entries
from gatewayapp.interchange import Rejected, apply, export_api, preview, read_document
from gatewayapp.interchange.drafts import Stored, named_as
from gatewayapp.interchange.plans import Definition, Part
from gatewayapp.models import Api, ConfigurationVersion, Deployment
from tests.interchange.samples import DOCUMENT, imported

pytestmark = pytest.mark.django_db

FULL = """
nopal: 1
api: {name: chat, routeSelectionExpression: $request.body.action, description: first, tags: {team: a, old: x}}
models:
  Message: {contentType: application/json, schema: {type: object}}
integrations:
  send:
    integrationType: HTTP
    integrationMethod: POST
    integrationUri: http://backend.example/send
    requestParameters: {integration.request.header.id: context.connectionId}
    integrationResponses: {/4../: {}}
  default: {integrationType: MOCK}
routes:
  $default: {integration: default}
  send: {integration: send, routeResponses: {$default: {}}}
stages:
  prod:
    stageVariables: {room: blue, size: "3"}
    routeSettings: {send: {loggingLevel: INFO}}
    limits: {maxInFlight: 1}
    tags: {tier: one}
"""


HEADER = "    requestParameters: {integration.request.header.id: context.connectionId}\n"


def changed(text: str, *replacements: tuple[str, str]) -> str:
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    return text


def ids(api: Api) -> dict[str, str]:
    return {route.route_key: route.pk for route in api.routes.all()} | {
        integration.integration_type: integration.pk for integration in api.integrations.all()
    }


def test_every_import_makes_a_new_api_unless_one_is_named():
    first, _ = imported(DOCUMENT)
    second, _ = imported(DOCUMENT)

    assert first.pk != second.pk


def test_importing_the_same_again_changes_nothing():
    api, _ = imported(FULL)
    before = ids(api)

    _, result = imported(FULL, api.pk)

    assert result.changes == ()
    assert ids(api) == before


@pytest.mark.parametrize(
    ("replacements", "changes"),
    [
        ([("description: first", "description: second")], ["update Api chat: description"]),
        ([("name: chat", "name: talk")], ["update Api talk: name"]),
        ([("team: a, old: x", "team: b")], ["update Api chat: tags"]),
        ([(", description: first", "")], ["update Api chat: description"]),
        ([("{type: object}", "{type: array}")], ["update Model Message: schema"]),
        ([("backend.example/send", "other.example/send")], ["update Integration send: integrationUri"]),
        ([("{/4../: {}}", "{/5../: {}}")], ["update Integration send: responses"]),
        ([(HEADER, "")], ["update Integration send: requestParameters"]),
        ([(", routeResponses: {$default: {}}", "")], ["update Route send: responses"]),
        ([("{integration: send,", "{integration: default,")], ["update Route send: target"]),
        ([("room: blue, ", "")], ["update Stage prod: stageVariables"]),
        ([("    routeSettings: {send: {loggingLevel: INFO}}\n", "")], ["update Stage prod: routeSettings"]),
        ([("    limits: {maxInFlight: 1}\n", "")], ["update Stage prod: limits"]),
        ([("tier: one", "tier: two")], ["update Stage prod: tags"]),
        ([("  prod:\n", "  test:\n")], ["create Stage test"]),
    ],
)  # fmt: skip
def test_an_api_that_is_there_becomes_what_the_document_says(replacements, changes):
    api, _ = imported(FULL)
    text = changed(FULL, *replacements)

    _, result = imported(text, api.pk)

    other, _ = imported(text)
    assert sorted(map(str, result.changes)) == sorted(changes)
    if "test:" not in text:
        assert export_api(api.pk) == export_api(other.pk)


def test_what_stays_the_same_keeps_its_id():
    api, _ = imported(FULL)
    before = ids(api)

    imported(changed(FULL, ("backend.example/send", "other.example/send")), api.pk)

    after = ids(api)
    assert {key for key in before if before[key] == after[key]} == {"$default", "MOCK"}


def test_stages_serve_the_new_draft_after_one_deployment():
    api, _ = imported(FULL)
    before = api.stages.get().deployment_id

    imported(changed(FULL, ("backend.example/send", "other.example/send")), api.pk)

    stage = api.stages.get()
    assert stage.deployment_id != before
    assert Deployment.objects.filter(api=api).count() == 2
    uris = {item.get("integrationUri") for item in stage.deployment.snapshot["integrations"]}
    assert uris == {None, "http://other.example/send"}


def test_stages_that_the_document_has_not_stay_and_serve_what_they_served():
    api, _ = imported(FULL)
    operations.create_stage(api_id=api.pk, stage_name="test", deployment_id=api.stages.get().deployment_id)

    _, result = imported(changed(FULL, ("backend.example", "other.example")), api.pk)

    assert (
        operations.get_stage(api_id=api.pk, stage_name="test").deployment
        != api.stages.get(stage_name="prod").deployment
    )
    assert result.notes == ("Stage test is not in the document: it stays, and serves what it served.",)


def test_a_stage_that_deploys_by_itself_does_so_once():
    text = changed(FULL, ("  prod:\n", "  prod:\n    autoDeploy: true\n"))
    api, _ = imported(text)
    operations.create_stage(api_id=api.pk, stage_name="test", auto_deploy=True)
    count = Deployment.objects.filter(api=api).count()

    _, result = imported(changed(text, ("backend.example", "other.example")), api.pk)

    prod, test = (operations.get_stage(api_id=api.pk, stage_name=name) for name in ("prod", "test"))
    assert Deployment.objects.filter(api=api).count() <= count + 2
    assert prod.auto_deploy
    assert test.auto_deploy
    for stage in (prod, test):
        assert "other.example" in str(stage.deployment.snapshot)
    assert result.notes == ("Stage test is not in the document: it stays, and deploys the new draft by itself.",)


def test_a_draft_is_imported_without_stages():
    plan = read_document(DOCUMENT).without_stages()

    api = Api.objects.get(pk=apply(plan).api_id)

    assert api.routes.count() == 2
    assert not api.stages.exists()
    assert not api.deployments.exists()


def test_a_preview_tells_the_changes_and_makes_none():
    api, _ = imported(FULL)
    before = (export_api(api.pk), ConfigurationVersion.current(), ids(api))
    plan = read_document(changed(FULL, ("backend.example", "other.example")))

    assert list(map(str, preview(plan, api.pk).changes)) == ["update Integration send: integrationUri"]
    assert (export_api(api.pk), ConfigurationVersion.current(), ids(api)) == before


def test_an_import_is_told_in_words_and_drawn():
    api, first = imported(FULL)
    assert "Adds route send, which leads to POST http://backend.example/send." in [told.sentence for told in first.told]
    moved = preview(read_document(changed(FULL, ("integration: default", "integration: send"))), api.pk)
    assert [told.sentence for told in moved.told] == [
        "Changes route $default: leads to POST http://backend.example/send instead of MOCK."
    ]
    problems = [problem.code for node in moved.graph.nodes for problem in node.problems]
    assert problems == ["unused-integration"]
    assert preview(read_document(FULL), api.pk).told == ()


def test_the_picture_of_an_import_has_the_parts_by_their_names_and_what_becomes_of_them():
    api, new = imported(DOCUMENT)
    assert marks(new) == {
        "selector": "added",
        "Route/$default": "added",
        "Route/send": "added",
        "Integration/default": "added",
    }
    # The integration is made anew, and both routes with it, under ids that nobody knows before.
    text = changed(DOCUMENT, ("http://backend.example/", "http://backend.example/new"), ("send:", "say:"))
    found = preview(read_document(text), api.pk)
    assert marks(found) == {"Integration/default": "changed", "Route/send": "removed", "Route/say": "added"}
    text = changed(DOCUMENT, ("$request.body.action", "$request.body.kind"))
    assert marks(preview(read_document(text), api.pk)) == {"selector": "changed"}


def test_an_integration_that_stays_is_the_same_one_whatever_it_is_called_after():
    """Without a name of its own it is called after its first route; the one of `$default` is then of no route."""
    api, _ = imported(FULL)
    found = preview(read_document(changed(FULL, ("integration: default", "integration: send"))), api.pk)
    assert list(map(str, found.changes)) == ["update Route $default: target"]
    assert marks(found) == {"Route/$default": "changed"}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"join": "a"}, {"unused": "a"}, {"unused": "a"}),
        ({"join": "a", "unused": "b"}, {"join": "b", "unused": "a"}, {"unused": "a", "join": "b"}),
        ({"join": "a", "unused": "b"}, {"unused": "a"}, {"join": "a", "unused": "b"}),
        ({"c": "a", "join": "b", "unused": "d"}, {"join": "a", "unused": "b"}, {"c": "a", "join": "b", "unused": "d"}),
    ],
    ids=["another name", "names that were swapped", "a name that is taken", "and one after that"],
)
def test_parts_of_before_get_their_names_of_after_unless_these_are_taken(before, after, told):
    names = named_as(of_integrations(before), of_integrations(after))
    assert names.ids == {f"Integration/{name}": part_id for name, part_id in told.items()}
    assert {part.key for part in names.definition.integrations} == names.ids.keys()


def of_integrations(ids: dict[str, str]) -> Stored:
    parts = tuple(Part("Integration", name, {}) for name in ids)
    definition = Definition(Part("Api", "chat", {}), integrations=parts)
    return Stored(definition, {part.key: ids[part.name] for part in parts})


def marks(found) -> dict[str, str]:
    """What becomes of the nodes, without edges and backends."""
    nodes = {node.key for node in found.comparison.graph.nodes if node.kind != "backend"}
    return {key: mark for key, mark in found.comparison.marks.items() if key in nodes}


def test_a_preview_of_a_new_api_has_no_id_and_leaves_none_behind():
    result = preview(read_document(DOCUMENT))

    assert (result.api_id, result.stages) == ("", ("prod",))
    assert not Api.objects.exists()


@pytest.mark.parametrize("carry_out", [apply, preview])
def test_a_plan_that_fails_changes_nothing(carry_out):
    api, _ = imported(FULL)
    before = export_api(api.pk)
    text = changed(FULL, ("description: first", "description: second"), ("backend.example", "other.example"))
    plan = read_document(changed(text, ("loggingLevel: INFO", "loggingLevel: ALL")))

    with pytest.raises(Rejected, match=r"stages\.prod: Invalid routeSettings\.send\.loggingLevel 'ALL'"):
        carry_out(plan, api.pk)

    assert export_api(api.pk) == before


def test_an_api_that_is_not_there_cannot_be_given_a_plan():
    with pytest.raises(Rejected, match=r"Invalid API identifier specified \S+nothing\. Leave the API id out"):
        apply(read_document(DOCUMENT), "nothing")


def test_an_import_is_one_entry_of_the_audit_log_without_secrets():
    text = changed(FULL, ("room: blue", "apiToken: s3cret"))
    api, _ = imported(text)
    imported(changed(text, ("description: first", "description: second")), api.pk)

    latest, first = get_audit_entries().filter(api_id=api.pk)
    assert (first.action, first.before) == ("ImportApi", None)
    assert latest.action == "ReimportApi"
    assert (latest.before["description"], latest.after["description"]) == ("first", "second")
    assert [route["routeKey"] for route in latest.after["routes"]] == ["$default", "send"]
    assert "s3cret" not in f"{first.after}{latest.before}{latest.after}"
