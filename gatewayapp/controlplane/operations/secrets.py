"""Secrets in operations: outputs show placeholders, and inputs with placeholders keep the stored secrets."""

from collections.abc import Mapping
from typing import Any

from gatewayapp.controlplane.operations.errors import BadRequest
from gatewayapp.core.limits import camel
from gatewayapp.core.redaction import MissingSecret, Secrets
from gatewayapp.models import Document, Resource, Stage
from gatewayapp.models.redaction import redactor


def with_stored_secrets(members: Mapping[str, Any], stored: Resource | None = None) -> dict[str, Any]:
    """`members` with the secrets of the resource `stored` in place of the placeholders that were shown for them.

    Raises BadRequest for a placeholder where there is nothing stored.
    """
    documents = {camel(name): value for name, value in members.items()}
    try:
        restored = redactor().restore(documents, stored.document() if stored else {})
    except MissingSecret as error:
        member = next((name for name in members if camel(name) == error.member), error.member)
        raise BadRequest(str(error)).about(member) from error
    return {name: restored[camel(name)] for name in members}


def secrets_of(snapshot: Document, stage: Stage | None = None) -> Secrets:
    """The secrets of a draft or a deployment, and those of the stage's variables."""
    variables = {"stageVariables": stage.stage_variables} if stage else {}
    return redactor().secrets(snapshot, variables)
