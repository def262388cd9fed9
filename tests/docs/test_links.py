"""What the documentation points to is there."""

from pathlib import Path

import pytest

from tests.docs.documents import DOCUMENTS, ROOT, anchors, links


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for link in links(document):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_document_is_linked_from_the_readme() -> None:
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in links(ROOT / "README.md")}

    assert {document for document in DOCUMENTS if document.parent.name == "docs"} <= linked


def test_the_modules_on_the_message_way_exist() -> None:
    text = (ROOT / "docs" / "message-way.md").read_text()
    named = {
        word.strip("`")
        for word in text.replace(",", " ").split()
        if word.startswith("`") and word.endswith(("/`", ".py`")) and word.count("/")
    }

    assert len(named) > 8
    for name in named:
        assert (ROOT / name).exists() or (ROOT / "gatewayapp" / name).exists(), name
