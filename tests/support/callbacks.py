"""Pushing through `@connections` as backends do: HTTP over one kept-alive connection, signed where a key is given."""

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


@dataclass(frozen=True, slots=True)
class CallbackAnswer:
    """Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        return json.loads(self.body)


class CallbackClient:
    """One connection to a gateway; requests on it follow one another."""

    def __init__(
        self,
        host: str,
        port: int,
        base: str,
        credentials: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`base` is the path of the stage; `credentials` an access key's id and secret."""
        self._host = host
        self._port = port
        self._base = base
        self._tls = tls
        self._credentials = Credentials(*credentials) if credentials else None

    async def __aenter__(self) -> "CallbackClient":
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        return self

    async def __aexit__(self, *error: object) -> None:
        self._writer.close()

    async def post(self, connection_id: str, data: str | bytes) -> CallbackAnswer:
        return await self.request("POST", connection_id, data.encode() if isinstance(data, str) else data)

    async def request(self, method: str, connection_id: str, body: bytes = b"") -> CallbackAnswer:
        self.send(method, connection_id, body)
        return await self.answer()

    def send(self, method: str, connection_id: str, body: bytes = b"") -> None:
        """Send a request without waiting for its answer."""
        target = f"{self._base}/@connections/{quote(connection_id)}"
        headers = {"Host": f"{self._host}:{self._port}", "Content-Length": str(len(body))}
        if self._credentials is not None:
            headers = self._signed(method, target, headers, body)
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)

    async def answer(self) -> CallbackAnswer:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        start, *lines = head.split("\r\n")[:-2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return CallbackAnswer(int(start.split(" ")[1]), headers, body)

    def _signed(self, method: str, target: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
        url = f"http://{headers['Host']}{target}"
        request = AWSRequest(method, url, headers={"Host": headers["Host"]}, data=body)
        SigV4Auth(self._credentials, "execute-api", "us-east-1").add_auth(request)
        return {**headers, **dict(request.headers.items())}
