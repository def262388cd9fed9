"""docs/limits.md lists every limit of a stage under its name in JSON, with its default."""

import json
from dataclasses import asdict

from gatewayapp.core.limits import StageLimits, camel
from tests.docs.documents import ROOT, table_rows


def test_every_limit_is_documented_with_its_default() -> None:
    documented = {name: json.loads(cells[0].strip("`")) for name, cells in table_rows(ROOT / "docs/limits.md").items()}

    defaults = {
        camel(name): list(value) if isinstance(value, tuple) else value for name, value in asdict(StageLimits()).items()
    }
    assert documented == defaults
