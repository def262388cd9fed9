"""The pages of users: made, changed, signed out, deleted; and who changes themself."""

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from gatewayapp.controlplane.operations.users import user_document
from gatewayapp.models import Api, AuditEntry
from gatewayapp.sessions import SessionStore
from tests.dashboard.conftest import PASSWORD

NEW = {"username": "bea", "password": PASSWORD, "again": PASSWORD, "everywhere": ""}


def rows(*roles: tuple[str, str]) -> dict[str, str]:
    """The rows of roles on single APIs, as the form sends them."""
    counts = {"roles-TOTAL_FORMS": str(len(roles)), "roles-INITIAL_FORMS": "0"}
    return counts | {
        f"roles-{number}-{name}": value
        for number, role in enumerate(roles)
        for name, value in zip(("api", "role"), role, strict=True)
    }


def roles_of(name: str) -> list[tuple[str, str | None]]:
    return [(each["role"], each["apiId"]) for each in user_document(User.objects.get(username=name))["roles"]]


@pytest.fixture
def bea(db: None) -> User:
    return User.objects.create_user("bea", password=PASSWORD)


def test_a_user_is_made_with_roles_and_can_sign_in(signed_in: Client, api: Api) -> None:
    form = {**NEW, "everywhere": "viewer", **rows((api.api_id, "editor"), ("", ""))}
    response = signed_in.post("/users/new", form, follow=True)

    assert "bea can sign in now." in response.content.decode()
    assert roles_of("bea") == [("viewer", None), ("editor", api.api_id)]
    assert Client().post("/signin", {"username": "bea", "password": PASSWORD}).status_code == 302
    listed = signed_in.get("/users").content.decode()
    assert "editor <span>of chat</span>" in listed


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"password": "short", "again": "short"}, "This password is too short"),
        ({"again": "another-cactus-here"}, "The two passwords are not the same."),
        ({"username": "no blanks"}, "Enter a valid username"),
        ({"username": "ann"}, "There is a user &#x27;ann&#x27; already."),
        ({"everywhere": "emperor"}, "Select a valid choice"),
        (rows(("", "editor")), "Choose the API that this role is for."),
        (rows(("none000000", "editor")), "Select a valid choice"),
    ],
)
def test_a_user_that_cannot_be_is_refused_with_what_to_do(
    signed_in: Client, api: Api, said: dict[str, str], complaint: str
) -> None:
    response = signed_in.post("/users/new", {**NEW, **rows(), **said})

    assert response.status_code == 400
    assert complaint in response.content.decode()
    assert PASSWORD not in response.content.decode()
    assert User.objects.count() == 1


def test_roles_on_one_api_are_given_once(signed_in: Client, api: Api) -> None:
    response = signed_in.post("/users/new", {**NEW, **rows((api.api_id, "viewer"), (api.api_id, "editor"))})
    assert response.status_code == 400
    assert "give the stronger one only" in response.content.decode()


def test_the_page_of_a_user_shows_their_roles_and_changes_them(signed_in: Client, bea: User, api: Api) -> None:
    path = f"/users/{bea.pk}"
    signed_in.post(path, {"active": "on", "everywhere": "operator", **rows((api.api_id, "admin"))})
    page = signed_in.get(path)
    assert page.context["form"].initial == {"active": True, "everywhere": "operator"}
    assert page.context["rows"].initial == [{"api": api.api_id, "role": "admin"}]

    signed_in.post(path, {"active": "on", "everywhere": "viewer", **rows((api.api_id, ""))})
    assert roles_of("bea") == [("viewer", None)]


def test_whoever_is_shut_out_has_no_session_left(signed_in: Client, bea: User) -> None:
    client = Client()
    client.force_login(bea)

    signed_in.post(f"/users/{bea.pk}", {"everywhere": "", **rows()})

    assert client.get("/").status_code == 302
    assert "shut out" in signed_in.get("/users").content.decode()


def test_the_last_administrator_cannot_be_demoted_and_is_told_why(signed_in: Client, ann: User) -> None:
    response = signed_in.post(f"/users/{ann.pk}", {"active": "on", "everywhere": "viewer", **rows()})

    assert response.status_code == 400
    assert "Somebody has to administer everything" in response.content.decode()
    assert User.objects.get().is_superuser


def test_who_changes_themself_goes_on_in_a_new_session(signed_in: Client, ann: User, api: Api) -> None:
    User.objects.create_superuser("bea")
    before = signed_in.session.session_key
    form = {"active": "on", "everywhere": "editor", **rows()}

    response = signed_in.post(f"/users/{ann.pk}", form, follow=True)

    assert response.redirect_chain == [("/profile", 302)]
    assert "ann is changed." in response.content.decode()
    assert signed_in.get("/users").status_code == 403
    assert signed_in.session.session_key != before
    assert not SessionStore().exists(before)


def test_who_shuts_themself_out_is_out(signed_in: Client, ann: User) -> None:
    User.objects.create_superuser("bea")
    assert signed_in.post(f"/users/{ann.pk}", {"everywhere": "admin", **rows()})["Location"] == "/signin"
    assert signed_in.get("/").status_code == 302


def test_an_administrator_gives_another_password(signed_in: Client, bea: User) -> None:
    new = "another-cactus-here"
    signed_in.post(f"/users/{bea.pk}/password", {"password": new, "again": new})
    assert Client().post("/signin", {"username": "bea", "password": new}).status_code == 302

    short = signed_in.post(f"/users/{bea.pk}/password", {"password": "short", "again": "short"})
    assert short.status_code == 400
    assert "too short" in short.content.decode()


def test_an_administrator_signs_someone_out_everywhere(signed_in: Client, bea: User) -> None:
    clients = [Client(), Client()]
    for client in clients:
        client.force_login(bea)
    assert "2 open sessions" in signed_in.get(f"/users/{bea.pk}").content.decode()

    signed_in.post(f"/users/{bea.pk}/signout")

    assert [client.get("/").status_code for client in clients] == [302, 302]
    assert signed_in.get("/").status_code == 200


def test_a_user_is_deleted_once_their_name_was_typed(signed_in: Client, bea: User) -> None:
    path = f"/users/{bea.pk}/delete"
    for typed in ("", "ann", "Bea"):
        refused = signed_in.post(path, {"typed": typed})
        assert refused.status_code == 400
    assert "This is not bea." in refused.content.decode()
    assert User.objects.filter(pk=bea.pk).exists()

    AuditEntry.objects.all().delete()
    gone = signed_in.post(path, {"typed": "bea"}, follow=True)
    assert "bea is gone" in gone.content.decode()
    assert not User.objects.filter(pk=bea.pk).exists()
    assert [entry.action for entry in AuditEntry.objects.all()] == ["DeleteUser"]


def test_the_last_administrator_cannot_be_deleted(signed_in: Client, ann: User) -> None:
    response = signed_in.post(f"/users/{ann.pk}/delete", {"typed": "ann"})
    assert "Somebody has to administer everything" in response.content.decode()
    assert User.objects.filter(pk=ann.pk).exists()


def test_a_user_that_is_not_there_is_told_on_a_page(signed_in: Client) -> None:
    response: HttpResponse = signed_in.get("/users/999999")
    assert response.status_code == 404
    assert "There is no user 999999." in response.content.decode()


def test_many_users_come_page_by_page(signed_in: Client, ann: User) -> None:
    User.objects.bulk_create(User(username=f"user{number}") for number in range(60))
    first = signed_in.get("/users")
    second = signed_in.get("/users", {"cursor": first.context["later"]})
    names = [row["user"].username for page in (first, second) for row in page.context["rows"]]
    assert (len(names), len(set(names)), second.context["later"]) == (61, 61, None)


def test_a_name_is_text_never_markup(signed_in: Client, api: Api) -> None:
    Api.objects.filter(pk=api.pk).update(name="<script>alert(1)</script>")
    User.objects.create_user("<b>bob</b>")
    for path in ("/users", "/users/new", "/access-keys/new"):
        page = signed_in.get(path).content.decode()
        assert "<script>alert" not in page
        assert "<b>bob" not in page
