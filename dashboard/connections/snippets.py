"""The calls that a backend, a script or a terminal would make to one connection, ready to paste; keys stay outside."""

from collections.abc import Iterator
from dataclasses import dataclass
from shlex import quote
from urllib.parse import quote as quote_path

_REGION = "us-east-1"
_MESSAGE = '{"hello": "world"}'


@dataclass(frozen=True, slots=True)
class Snippet:
    name: str
    title: str
    hint: str
    text: str


def snippets(websocket_url: str, connection_id: str, subprotocol: str | None) -> Iterator[Snippet]:
    """`websocket_url` is where clients of the connection's stage connect."""
    endpoint = "http" + websocket_url.removeprefix("ws")
    keys = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to an access key of this gateway."
    yield Snippet("curl", "curl", keys, _curl(endpoint, connection_id))
    yield Snippet("boto3", "boto3", keys, _boto3(endpoint, connection_id))
    yield Snippet("cli", "AWS CLI", keys, _cli(endpoint, connection_id))
    hint = "Connects one more client to the same stage; nobody can join a connection that is open."
    yield Snippet("wscat", "wscat", hint, _wscat(websocket_url, subprotocol))


def _curl(endpoint: str, connection_id: str) -> str:
    url = f"{endpoint}/@connections/{quote_path(connection_id, safe='')}"
    return _shell(
        "curl --fail-with-body",
        f"--aws-sigv4 aws:amz:{_REGION}:execute-api",
        '--user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"',
        f"--data-binary {quote(_MESSAGE)}",
        quote(url),
    )


def _boto3(endpoint: str, connection_id: str) -> str:
    return f"""import boto3

connections = boto3.client(
    "apigatewaymanagementapi",
    endpoint_url={endpoint!r},
    region_name="{_REGION}",
)
connections.post_to_connection(
    ConnectionId={connection_id!r},
    Data=b'{_MESSAGE}',
)"""


def _cli(endpoint: str, connection_id: str) -> str:
    return _shell(
        "aws apigatewaymanagementapi post-to-connection",
        f"--endpoint-url {quote(endpoint)} --region {_REGION}",
        # With an equals sign between them an id that begins with a dash is no option.
        f"--connection-id={quote(connection_id)}",
        f"--cli-binary-format raw-in-base64-out --data {quote(_MESSAGE)}",
    )


def _wscat(websocket_url: str, subprotocol: str | None) -> str:
    protocol = f" --subprotocol {quote(subprotocol)}" if subprotocol else ""
    return f"npx wscat --connect {quote(websocket_url)}{protocol}"


def _shell(*parts: str) -> str:
    return " \\\n  ".join(parts)
