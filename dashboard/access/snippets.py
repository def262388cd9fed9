"""What to paste where, so that AWS's tools use a new access key."""

import re
from dataclasses import dataclass

from gatewayapp.models import AccessKey


@dataclass(frozen=True, slots=True)
class Snippet:
    title: str
    text: str
    hint: str


def aws_snippets(key: AccessKey, secret: str, gateway_url: str, region: str) -> list[Snippet]:
    profile = _profile(key.name)
    return [
        Snippet(
            "AWS profile",
            f"[profile {profile}]\nregion = {region}\nendpoint_url = {gateway_url}\n"
            f"aws_access_key_id = {key.pk}\naws_secret_access_key = {secret}",
            f"In ~/.aws/config; then: aws --profile {profile} apigatewayv2 get-apis",
        ),
        Snippet(
            "Environment",
            f"export AWS_ACCESS_KEY_ID={key.pk}\nexport AWS_SECRET_ACCESS_KEY={secret}\n"
            f"export AWS_DEFAULT_REGION={region}\nexport AWS_ENDPOINT_URL={gateway_url}",
            "For boto3, the AWS CLI, the SDKs and Terraform.",
        ),
    ]


def _profile(name: str) -> str:
    """A profile's name: letters and digits, so that no shell and no parser takes it for anything else."""
    return "nopal-" + (re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "key")
