"""The examples of docs/import-export.md."""

import io
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from gatewayapp.core import snapshot
from gatewayapp.models import Api
from tests.docs.documents import code_blocks
from tests.interchange.samples import imported

pytestmark = pytest.mark.django_db

PAGE = Path(__file__).parents[2] / "docs" / "import-export.md"


def test_the_document_is_imported_and_served():
    [text] = code_blocks(PAGE, "yaml")

    api, result = imported(text)

    found = snapshot.load(api.stages.get().deployment.snapshot)
    assert set(found.routes) == {"$connect", "$default"}
    assert result.notes == ()


def test_the_python_runs():
    [text] = code_blocks(PAGE, "yaml")
    [script] = code_blocks(PAGE, "python")
    names = {"text": text}

    with redirect_stdout(io.StringIO()) as printed:
        exec(script, names)

    assert printed.getvalue().splitlines()[0] == "create Api chat"
    assert Api.objects.get().pk == names["api_id"]
    assert names["text"].startswith("AWSTemplateFormatVersion")
