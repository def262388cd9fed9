"""Reading settings from the environment."""

import stat
from hashlib import blake2b

import pytest
from django.core.exceptions import ImproperlyConfigured

from gatewayapp import environment as env
from gatewayapp.core.ids import ConnectionIds, Owner


@pytest.mark.parametrize(
    ("value", "expected"), [("on", True), ("1", True), ("TRUE", True), ("off", False), ("", False)]
)
def test_a_boolean_has_several_spellings(monkeypatch, value, expected):
    monkeypatch.setenv("NOPAL_X", value)

    assert env.boolean("NOPAL_X") is expected


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (env.boolean, "maybe"),
        (lambda name: env.number(name, 1), "many"),
        (env.networks, "10.0.0.0/99"),
        (env.mapping, "[1]"),
        (env.mapping, "{"),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_by_name(monkeypatch, read, value):
    monkeypatch.setenv("NOPAL_X", value)

    with pytest.raises(ImproperlyConfigured, match="NOPAL_X"):
        read("NOPAL_X")


def test_a_secret_may_stand_in_a_file(monkeypatch, tmp_path):
    (tmp_path / "secret").write_text("hush\n")
    monkeypatch.setenv("NOPAL_X_FILE", str(tmp_path / "secret"))

    assert env.text("NOPAL_X") == "hush"


def test_a_missing_secret_file_is_named(monkeypatch):
    monkeypatch.setenv("NOPAL_X_FILE", "/nowhere/secret")

    with pytest.raises(ImproperlyConfigured, match="/nowhere/secret"):
        env.text("NOPAL_X")


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path):
    path = tmp_path / "keys" / "django.key"

    first = env.key("NOPAL_X", path)

    assert len(first) > 40
    assert env.key("NOPAL_X", path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_words_and_networks_are_separated_by_commas(monkeypatch):
    monkeypatch.setenv("NOPAL_X", "10.0.0.0/8, ::1")

    assert env.words("NOPAL_X") == ["10.0.0.0/8", "::1"]
    assert [str(network) for network in env.networks("NOPAL_X")] == ["10.0.0.0/8", "::1/128"]


def test_a_new_installation_gets_a_connection_id_key_of_its_own(tmp_path):
    path = tmp_path / "keys" / "connection-id.key"

    key = env.connection_id_key("NOPAL_X", path)

    assert len(bytes.fromhex(key)) == 32
    assert env.connection_id_key("NOPAL_X", path, "an encryption key") == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_upgraded_installation_goes_on_with_the_connection_id_key_that_it_had(tmp_path):
    """Until there was a setting, connection ids were signed with this digest of the encryption key."""
    former = blake2b(b"the encryption key", digest_size=32, person=b"connection-ids").digest()
    connection_id = ConnectionIds(former, Owner(7, 3)).new()

    path = tmp_path / "connection-id.key"
    key = env.connection_id_key("NOPAL_X", path, "a newer one, the encryption key")

    assert ConnectionIds(bytes.fromhex(key), Owner(7, 4)).owner(connection_id) == Owner(7, 3)
    assert env.connection_id_key("NOPAL_X", path, "rotated since") == key


def test_a_connection_id_key_is_hexadecimal(monkeypatch, tmp_path):
    monkeypatch.setenv("NOPAL_X", "ab" * 32)
    assert env.connection_id_key("NOPAL_X", tmp_path / "key") == "ab" * 32

    monkeypatch.setenv("NOPAL_X", "a pass phrase")
    with pytest.raises(ImproperlyConfigured, match="openssl rand -hex 32") as refused:
        env.connection_id_key("NOPAL_X", tmp_path / "key")
    assert "phrase" not in str(refused.value)


def test_a_key_exists_in_the_environment_or_in_its_file(monkeypatch, tmp_path):
    path = tmp_path / "a.key"
    assert env.existing_key("NOPAL_X", path) == ""
    path.write_text("from the file\n")
    assert env.existing_key("NOPAL_X", path) == "from the file"
    monkeypatch.setenv("NOPAL_X", "from the environment")
    assert env.existing_key("NOPAL_X", path) == "from the environment"


def test_a_choice_is_one_of_its_words(monkeypatch):
    assert env.choice("NOPAL_X", ("text", "json")) == "text"
    monkeypatch.setenv("NOPAL_X", "JSON")
    assert env.choice("NOPAL_X", ("text", "json")) == "json"
    monkeypatch.setenv("NOPAL_X", "xml")
    with pytest.raises(ImproperlyConfigured, match="NOPAL_X takes text or json"):
        env.choice("NOPAL_X", ("text", "json"))
