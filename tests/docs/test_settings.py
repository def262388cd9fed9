"""docs/settings.md lists every setting, and none that is not there."""

import re

from tests.docs.documents import ROOT, table_rows

READING = re.compile(r"env\.\w+\(\s*\"(NOPAL_\w+)\"")


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    sources = [*(ROOT / "gatewayapp").rglob("*.py"), *(ROOT / "dashboard").rglob("*.py")]
    read = {name for source in sources for name in READING.findall(source.read_text())}

    assert "NOPAL_DATA_DIR" in read
    assert set(table_rows(ROOT / "docs" / "settings.md")) == read


def test_documents_speak_of_settings_that_exist() -> None:
    known = set(table_rows(ROOT / "docs" / "settings.md"))
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for name in re.findall(r"NOPAL_[A-Z_]*[A-Z]", document.read_text()):
            assert name in known or name.removesuffix("_FILE") in known, f"{name} in {document.name}"
