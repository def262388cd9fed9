"""Documents that would cost more than an import may: each is rejected early, in words, with little memory."""

import tracemalloc
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from gatewayapp.interchange import Rejected, apply, preview, read_document
from gatewayapp.interchange.problems import MAX_MESSAGE_LENGTH, MAX_PROBLEMS
from gatewayapp.interchange.reading import read
from gatewayapp.models import Api, AuditEntry
from tests.controlplane.v1.conftest import caller_of
from tests.dashboard.forms import send
from tests.interchange import hostile

PSEUDO = {"AWS::AccountId": "000000000000", "AWS::Partition": "aws", "AWS::Region": "us-east-1"}
MAX_PEAK = 160 * 2**20
"""Bytes that Python may take at once: the values of a document of 500 KB are 100 MiB at worst."""


def rejection(text: str) -> Rejected:
    """Why the document is not imported; it is read in a process of its own, as always."""
    try:
        apply(read_document(text))
    except Rejected as rejected:
        return rejected
    raise AssertionError("the document was imported")


@pytest.mark.parametrize("name", hostile.REJECTED)
def test_documents_that_expand_are_rejected(name, db):
    text, message = hostile.REJECTED[name]
    assert len(text) <= hostile.MAX_LENGTH

    rejected = rejection(text)

    assert message in str(rejected)
    assert len(rejected.problems) <= MAX_PROBLEMS + 1
    assert len(str(rejected)) <= (MAX_PROBLEMS + 1) * (MAX_MESSAGE_LENGTH + 400)
    assert not Api.objects.exists()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("name", [name for name in hostile.REJECTED if not name.startswith("SAM")])
def test_expansions_are_bounded_before_they_are_made(name):
    text, _ = hostile.REJECTED[name]

    assert peak_memory(text) < MAX_PEAK


@pytest.mark.parametrize("name", hostile.CHEAP)
def test_what_is_asked_for_repeatedly_is_resolved_once(name, db):
    text = hostile.CHEAP[name]
    assert len(text) <= hostile.MAX_LENGTH

    assert preview(read_document(text)).changes
    assert peak_memory(text) < MAX_PEAK


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_superuser("ann", password="a-cactus-in-the-sun")


SUB, SUB_MESSAGE = hostile.REJECTED["Sub of one long variable"]


def test_the_rest_api_says_which_limit_a_document_exceeds(ann):
    response = caller_of(ann)("POST", "import", {"document": SUB})

    assert response.status_code == 400
    [problem] = response.json()["problems"]
    assert problem["place"] == "Resources.Api.Description"
    assert problem["message"] == (
        "The value would have 8,100,000,000 characters, but a text can have at most 524,288. "
        "Use fewer or shorter values in it."
    )


def test_the_rest_api_takes_a_bounded_number_of_parameters(ann):
    parameters = {f"p{number}": "x" for number in range(20_000)}

    response = caller_of(ann)("POST", "import", {"document": hostile.CHEAP[ONE], "parameters": parameters})

    assert response.status_code == 400
    [problem] = response.json()["problems"]
    assert problem["message"].startswith("You gave 20,000 parameters; CloudFormation takes at most 200.")


ONE = "a property that all resources depend on"


def test_the_dashboard_says_which_limit_a_document_exceeds(ann):
    client = Client()
    client.force_login(ann)

    found = send(client, "/apis/import", document=SUB, look="on").content.decode()

    assert "The value would have 8,100,000,000 characters" in found
    assert not Api.objects.exists()


def test_the_command_line_says_which_limit_a_document_exceeds(tmp_path: Path, db):
    path = tmp_path / "template.json"
    path.write_text(SUB)

    with pytest.raises(CommandError) as error:
        call_command("importapi", str(path))

    assert SUB_MESSAGE in str(error.value)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a file without an end")
def test_the_command_line_reads_no_more_of_a_file_than_a_document_has(db):
    with pytest.raises(CommandError, match="The document is larger than 2 MiB"):
        call_command("importapi", "/dev/zero")


def peak_memory(text: str) -> int:
    """Bytes that reading the document takes at most."""
    tracemalloc.start()
    try:
        read(text, {}, None, PSEUDO)
    except Rejected:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return peak
