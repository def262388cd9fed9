"""Import in a real browser: a file is dropped, its API is drawn, and only then made."""

import json
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Desk, check_fits
from tests.support.gateway import Gateway
from tests.support.rest import RestClient


def document(*routes: str) -> dict[str, Any]:
    return {
        "nopal": 1,
        "api": {"name": "dropped", "routeSelectionExpression": "$request.body.action"},
        "integrations": {"echo": {"integrationType": "MOCK"}},
        "routes": {key: {"integration": "echo", "routeResponses": {"$default": {}}} for key in routes},
    }


@pytest.fixture
def api_id(gateway: Gateway, ann: RestClient, afterwards: ExitStack) -> str:
    """An API with the routes `$default` and `old`."""
    api_id = ann.post("import", {"document": json.dumps(document("$default", "old"))})["apiId"]
    afterwards.callback(gateway.management.delete_api, ApiId=api_id)
    return api_id


def drop(page: Page, text: str) -> None:
    """Let a file go over the middle of the form, as the browser tells a page of it."""
    page.evaluate(
        """text => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([text], "api.json"));
          const target = document.querySelector("drop-form textarea");
          for (const type of ["dragenter", "dragover", "drop"]) {
            target.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer }));
          }
        }""",
        text,
    )


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_a_dropped_document_is_drawn_before_it_is_carried_out(
    desk: Desk, ann: RestClient, api_id: str, theme: Any, width: int
) -> None:
    page = desk.open(f"/apis/{api_id}/interchange", theme=theme, width=width)
    page.get_by_label("Document", exact=True).wait_for()

    drop(page, json.dumps(document("$default", "join")))

    picture = page.get_by_role("region", name="Picture of the API as it would be")
    added = picture.get_by_role("img", name="Route join, message, two-way, to MOCK. Added")
    expect(added).to_be_in_viewport()
    expect(picture.get_by_role("img", name="Route old, message, two-way, to MOCK. Removed")).to_be_visible()
    expect(picture.get_by_role("img", name="Route $default, any other message, two-way, to MOCK")).to_be_visible()
    stroke = "element => getComputedStyle(element.querySelector('.node-box')).stroke"
    assert added.evaluate(stroke) == added.evaluate(
        "element => getComputedStyle(element.querySelector('.node-mark rect')).fill"
    )
    check_fits(page)
    desk.check_accessibility(page)
    assert labels(ann, api_id) == ["$default", "old"]

    page.get_by_role("button", name="Change dropped").click()
    page.get_by_role("status").get_by_text("Imported: ").wait_for()
    assert labels(ann, api_id) == ["$default", "join"]


def labels(ann: RestClient, api_id: str) -> list[str]:
    return [node["label"] for node in ann.get(f"apis/{api_id}/graph")["nodes"] if node["kind"] == "route"]
