"""The public `terraform` and its aws provider, with only the endpoint changed: every kind of resource, and no drift."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import Gateway
from tests.support.terraform import CHANGES, NO_CHANGES, Terraform

CONFIGURATION = Path(__file__).parent / "terraform"
pytestmark = [
    pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed"),
    pytest.mark.timeout(900),
]


@pytest.fixture
def terraform(gateway: Gateway, tmp_path: Path) -> Terraform:
    for source in CONFIGURATION.glob("*.tf"):
        shutil.copy(source, tmp_path)
    terraform = Terraform(tmp_path, gateway)
    terraform.init()
    return terraform


def import_id(address: str, attributes: dict[str, Any]) -> str:
    """What the provider's documentation says that a resource is imported by."""
    kind, own = address.partition(".")[0].removeprefix("aws_apigatewayv2_"), str(attributes["id"])
    parents = {
        "api": [],
        "domain_name": [],
        "integration_response": ["api_id", "integration_id"],
        "route_response": ["api_id", "route_id"],
    }
    if kind == "api_mapping":
        return f"{own}/{attributes['domain_name']}"
    return "/".join([*(str(attributes[parent]) for parent in parents.get(kind, ["api_id"])), own])


def test_terraform_creates_changes_imports_and_destroys_every_kind_of_resource(
    terraform: Terraform, gateway: Gateway
) -> None:
    before = len(gateway.management.get_apis()["Items"])
    changed = "-var=changed=true"

    terraform.change("apply")
    assert terraform.plan() == NO_CHANGES, terraform.planned

    assert terraform.plan(changed) == CHANGES
    kinds = {address.partition(".")[0] for address in terraform.resources()}
    assert len(kinds) == 11
    assert set(re.findall(r"# (\w+)\.\w+ will be updated in-place", terraform.planned)) == kinds
    assert "0 to add" in terraform.planned
    terraform.change("apply", changed)
    assert terraform.plan(changed) == NO_CHANGES, terraform.planned
    resources = terraform.resources()

    terraform.forget()
    imports = [{"to": address, "id": import_id(address, attributes)} for address, attributes in resources.items()]
    (terraform.folder / "imports.tf.json").write_text(json.dumps({"import": imports}))
    imported = terraform.change("apply", changed)
    assert f"{len(resources)} imported, 0 added, 0 changed, 0 destroyed" in imported
    assert terraform.plan(changed) == NO_CHANGES, terraform.planned

    terraform.change("destroy", changed)
    assert len(gateway.management.get_apis()["Items"]) == before
