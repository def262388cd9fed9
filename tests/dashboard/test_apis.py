"""The pages of APIs: made, shown with their addresses, changed, and deleted with all that is theirs."""

import pytest
from django.test import Client

from gatewayapp.controlplane import operations
from gatewayapp.models import Api, AuditEntry, Connection
from tests.dashboard.forms import errors, page, path_of, send

EXPRESSION = "$request.body.action"


def test_the_first_api_is_made_from_an_empty_list(signed_in: Client, db: None) -> None:
    assert "No API yet" in page(signed_in, "/apis")

    response = send(
        signed_in,
        "/apis/new",
        name="chat",
        route_selection_expression=EXPRESSION,
        description="two\r\nlines",
        **{"tags-key": ["team", ""], "tags-value": ["blue", ""]},
    )

    [api] = Api.objects.all()
    assert path_of(response) == f"/apis/{api.api_id}"
    assert (api.name, api.description, api.tags) == ("chat", "two\nlines", {"team": "blue"})
    found = response.content.decode()
    assert "API chat created." in found
    assert "Until someone can connect" in found
    assert AuditEntry.objects.filter(action="CreateApi", actor_name="ann").count() == 1


def test_all_that_is_wrong_stands_at_its_field_with_what_was_typed(signed_in: Client, db: None) -> None:
    response = send(
        signed_in,
        "/apis/new",
        name="x" * 129,
        route_selection_expression="$request.nonsense",
        version="v" * 65,
        description="kept",
    )

    found = errors(response)
    assert found["name"] == ["name must have 1-128 characters; it has 129."]
    assert found["version"] == ["version must have 0-64 characters; it has 65."]
    assert found["route_selection_expression"][0].startswith("Invalid routeSelectionExpression")
    text = response.content.decode()
    assert 'value="$request.nonsense"' in text
    assert ">\nkept</textarea>" in text
    assert 'aria-invalid="true"' in text
    assert not Api.objects.exists()


def test_what_is_missing_is_said_at_the_field(signed_in: Client, db: None) -> None:
    assert errors(send(signed_in, "/apis/new", name="chat")) == {
        "route_selection_expression": ["routeSelectionExpression is required."]
    }


def test_a_tag_that_may_not_be_is_said_at_the_tags(signed_in: Client, db: None) -> None:
    response = send(
        signed_in,
        "/apis/new",
        name="chat",
        route_selection_expression=EXPRESSION,
        **{"tags-key": ["aws:x"], "tags-value": ["kept"]},
    )

    assert "aws:" in errors(response)["tags"][0]
    assert 'value="kept"' in response.content.decode()


@pytest.mark.parametrize(
    ("keys", "values", "words"),
    [(["a", "a"], ["1", "2"], "stands here twice"), ([""], ["lonely"], "has no name")],
)
def test_rows_that_contradict_are_refused(
    signed_in: Client, api: Api, keys: list[str], values: list[str], words: str
) -> None:
    response = send(
        signed_in,
        f"/apis/{api.api_id}/edit",
        name="chat",
        route_selection_expression=EXPRESSION,
        **{"tags-key": keys, "tags-value": values},
    )

    assert words in errors(response)["tags"][0]


def test_an_api_is_changed_and_only_what_differs_is_sent(signed_in: Client, api: Api) -> None:
    send(signed_in, f"/apis/{api.api_id}/edit", **_unchanged(api), description="new")

    api.refresh_from_db()
    assert api.description == "new"
    [entry] = AuditEntry.objects.filter(action="UpdateApi")
    assert entry.before | {"description": "new"} == entry.after


def test_saving_without_a_change_changes_nothing(signed_in: Client, api: Api) -> None:
    before = AuditEntry.objects.count()

    send(signed_in, f"/apis/{api.api_id}/edit", **_unchanged(api))

    assert AuditEntry.objects.count() == before


def test_tags_are_added_changed_and_removed(signed_in: Client, api: Api) -> None:
    operations.tag_resource(
        resource_arn=f"arn:aws:apigateway:us-east-1::/apis/{api.api_id}", tags={"old": "1", "same": "2", "other": "3"}
    )

    send(
        signed_in,
        f"/apis/{api.api_id}/edit",
        **_unchanged(api),
        **{"tags-key": ["same", "other", "new"], "tags-value": ["2", "4", "5"]},
    )

    api.refresh_from_db()
    assert api.tags == {"same": "2", "other": "4", "new": "5"}


def test_an_api_shows_where_clients_go(signed_in: Client, api: Api) -> None:
    operations.create_route(api_id=api.api_id, route_key="$default")
    deployment = operations.create_deployment(api_id=api.api_id)
    operations.create_stage(api_id=api.api_id, stage_name="prod", deployment_id=deployment.pk)

    found = page(signed_in, f"/apis/{api.api_id}")

    address = f"ws://127.0.0.1:8000/ws/{api.api_id}/prod"
    assert f">{address}<" in found
    assert f"npx wscat -c &quot;{address}&quot;" in found
    assert "Until someone can connect" not in found


def test_deleting_an_api_tells_what_goes_with_it(signed_in: Client, api: Api) -> None:
    operations.create_stage(api_id=api.api_id, stage_name="prod")
    for number in range(2):
        Connection.objects.create(
            connection_id=f"connection{number}",
            api_id=api.api_id,
            stage="prod",
            node_slot=0,
            node_incarnation=0,
            connected_at=0,
            domain_name="127.0.0.1",
            source_ip="127.0.0.1",
        )

    assert "2 open connections, which will be closed." in page(signed_in, f"/apis/{api.api_id}/delete")
    assert "3 open" not in page(signed_in, f"/apis/{api.api_id}/delete")

    response = send(signed_in, f"/apis/{api.api_id}/delete", confirmation="chat")
    assert path_of(response) == "/apis"
    assert not Api.objects.exists()


def test_what_users_wrote_is_text_never_markup(signed_in: Client, api: Api) -> None:
    operations.update_api(
        api_id=api.api_id, name="<script>alert(1)</script>", description="<img src=x onerror=alert(2)>"
    )

    for path in ("/apis", f"/apis/{api.api_id}", f"/apis/{api.api_id}/edit", f"/apis/{api.api_id}/delete"):
        found = page(signed_in, path)
        assert "<script>alert" not in found
        assert "<img src=x" not in found


def _unchanged(api: Api) -> dict[str, str]:
    return {
        "name": api.name,
        "route_selection_expression": api.route_selection_expression,
        "api_key_selection_expression": api.api_key_selection_expression,
        "ip_address_type": api.ip_address_type,
    }
