"""The public `terraform`, where it is on the machine, with its aws provider pointed at a gateway."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import REGION, Gateway

MIRRORS = (os.environ.get("TERRAFORM_PLUGINS", ""), "/opt/tf-plugins")
"""Folders in which the provider may be; without one `terraform init` looks where it is configured to."""

CHANGES, NO_CHANGES = 2, 0
"""What `plan -detailed-exitcode` exits with."""


class Terraform:
    """A folder with a configuration, the provider and a state."""

    def __init__(self, folder: Path, gateway: Gateway) -> None:
        self.folder = folder
        self._environment = gateway.credentials() | {
            "AWS_ENDPOINT_URL": gateway.endpoint,
            "AWS_REGION": REGION,
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
        }
        self._environment.pop("TF_CLI_CONFIG_FILE", None)

    def init(self) -> None:
        mirror = next((folder for folder in MIRRORS if folder and Path(folder).is_dir()), None)
        done = self._run("init", *([f"-plugin-dir={mirror}"] if mirror else []))
        if done.returncode != 0:
            pytest.skip(f"terraform cannot get its aws provider: {done.stderr.strip()[-300:]}")

    def plan(self, *options: str) -> int:
        """Whether reality differs from the configuration."""
        done = self._run("plan", "-detailed-exitcode", "-lock=false", *options)
        assert done.returncode in (CHANGES, NO_CHANGES), done.stderr
        self.planned = done.stdout
        return done.returncode

    def change(self, command: str, *options: str) -> str:
        """`apply` or `destroy`; what it printed."""
        done = self._run(command, "-auto-approve", *options)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr
        return done.stdout

    def resources(self) -> dict[str, dict[str, Any]]:
        """The attributes of each resource in the state, by its address."""
        state = json.loads((self.folder / "terraform.tfstate").read_text())
        return {f"{each['type']}.{each['name']}": each["instances"][0]["attributes"] for each in state["resources"]}

    def output(self, name: str) -> str:
        return str(json.loads((self.folder / "terraform.tfstate").read_text())["outputs"][name]["value"])

    def forget(self) -> None:
        for state in self.folder.glob("terraform.tfstate*"):
            state.unlink()

    def _run(self, command: str, *options: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["terraform", command, "-input=false", "-no-color", *options],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
