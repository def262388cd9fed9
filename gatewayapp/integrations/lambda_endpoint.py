"""Where Lambda's Invoke API is, and the credentials that sign its requests (Signature Version 4).

By default AWS's regional endpoint, with the credentials that the AWS SDKs would find: environment, shared files,
container or instance role. An endpoint of one's own is named by the operator, so it may be a private address; where
no credentials are found, its requests are signed with the pair "test", "test" that local emulators of AWS take.
"""

import asyncio
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gatewayapp.core.addresses import ANYWHERE, Policy, authority, parse_url
from gatewayapp.core.backend_use import BackendUse
from gatewayapp.core.errors import ConfigurationFailure, IntegrationTimeout, InvocationRefused
from gatewayapp.core.mapping import request_lines
from gatewayapp.core.messages import GATEWAY, Caller, Headers, HttpRequest, IntegrationResponse, LambdaRequest, Origin
from gatewayapp.integrations.outbound import OutboundClient, OutboundOptions

if TYPE_CHECKING:
    from botocore.credentials import Credentials

_REGION = re.compile(r"[a-z]{2,8}(?:-[a-z]{1,16}){1,3}-[0-9]{1,2}")


class LambdaEndpoint:
    """The Invoke API at `endpoint`, an http or https URL, or at AWS's endpoints if it is empty.

    Raises ValueError with a sentence if `endpoint` is not a URL.
    """

    def __init__(self, options: OutboundOptions, endpoint: str = "") -> None:
        self._endpoint = parse_url(endpoint) if endpoint else None
        self._client = OutboundClient(replace(options, policy=Policy(ANYWHERE)) if endpoint else options)
        self._credentials: Credentials | None = None
        self._lookup: asyncio.Task[Credentials | None] | None = None
        self._refresh: asyncio.Task[Any] | None = None

    async def invoke(
        self, request: LambdaRequest, caller: Caller = GATEWAY, connection_id: str = ""
    ) -> IntegrationResponse:
        """The Invoke API's answer, whatever its status; `request.timeout` also covers finding credentials."""
        until = time.monotonic() + request.timeout
        try:
            async with asyncio.timeout(request.timeout):
                credentials = await self._current_credentials()
        except TimeoutError:
            raise IntegrationTimeout("Looking for AWS credentials took too long.") from None
        left = max(0.0, until - time.monotonic())
        return await self._client.send(self._signed(request, credentials, left), caller, connection_id)

    def backends(self) -> list[BackendUse]:
        """As `OutboundClient.backends`."""
        return self._client.backends()

    async def close(self) -> None:
        for task in (self._lookup, self._refresh):
            if task is not None:
                task.cancel()
        await self._client.close()

    def _signed(self, request: LambdaRequest, credentials: Any, timeout: float) -> HttpRequest:
        origin, base = self._endpoint or (aws_origin(request.region), "/")
        target = _target(base, request)
        headers = _signed_headers(origin, target, request, credentials)
        return HttpRequest(origin, request_lines("POST", target, headers) + b"\r\n", request.payload, timeout)

    async def _current_credentials(self) -> Any:
        """Frozen credentials; whatever may read files or call a metadata service is done in a thread."""
        if self._credentials is None:
            self._credentials = await self._find_credentials()
        if getattr(self._credentials, "refresh_needed", _never)():
            return await self._refreshed_credentials()
        return self._credentials.get_frozen_credentials()

    async def _refreshed_credentials(self) -> Any:
        """All waiting calls share one refresh, so that they do not fill the default executor if the service hangs."""
        if self._refresh is None or self._refresh.done():
            self._refresh = asyncio.create_task(asyncio.to_thread(_refreshed, self._credentials))
        return await asyncio.shield(self._refresh)

    async def _find_credentials(self) -> "Credentials":
        """One look-up for all calls that wait for it, and not undone when one of them gives up."""
        if self._lookup is None or self._lookup.done():
            self._lookup = asyncio.create_task(asyncio.to_thread(_look_for_credentials, self._endpoint is not None))
        found = await asyncio.shield(self._lookup)
        if found is None:
            raise InvocationRefused(
                "No AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the host a role; "
                "for functions that do not run on AWS set NOPAL_LAMBDA_ENDPOINT.",
                is_retryable=True,  # a role's credentials come from a service, which may be away
            )
        return found


def aws_origin(region: str) -> Origin:
    """AWS's endpoint of Lambda in `region`. Raises ConfigurationFailure if that is no region's name."""
    if not _REGION.fullmatch(region):
        raise ConfigurationFailure(f"{region!r} is not the name of an AWS region; correct the function's ARN.")
    suffix = ".cn" if region.startswith("cn-") else ""
    return Origin("https", f"lambda.{region}.amazonaws.com{suffix}", 443)


def _target(base: str, request: LambdaRequest) -> str:
    """The plain name in the path, since some emulators take no ARN there; a version or alias as Qualifier."""
    path = f"{base.rstrip('/')}/2015-03-31/functions/{quote(request.function_name, safe='')}/invocations"
    return f"{path}?Qualifier={quote(request.qualifier, safe='')}" if request.qualifier else path


def _signed_headers(origin: Origin, target: str, request: LambdaRequest, credentials: Any) -> Headers:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    host = authority(origin)
    kind = "Event" if request.asynchronous else "RequestResponse"
    signed = AWSRequest(
        method="POST",
        url=f"{origin.scheme}://{host}{target}",
        data=request.payload,
        headers={"Host": host, "Content-Type": "application/json", "X-Amz-Invocation-Type": kind},
    )
    SigV4Auth(credentials, "lambda", request.region).add_auth(signed)
    return (*signed.headers.items(), ("Content-Length", str(len(request.payload))))


def _look_for_credentials(own_endpoint: bool) -> "Credentials | None":
    # Here and not above: botocore takes long to import, and who calls no function need not pay for it.
    from botocore.credentials import Credentials
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    try:
        found = Session().get_credentials()
    except BotoCoreError as error:
        raise InvocationRefused(f"AWS credentials cannot be read: {error}", is_retryable=True) from error
    if found is None and own_endpoint:
        return Credentials("test", "test")
    return found


def _refreshed(credentials: Any) -> Any:
    from botocore.exceptions import BotoCoreError

    try:
        return credentials.get_frozen_credentials()
    except BotoCoreError as error:
        raise InvocationRefused(f"AWS credentials cannot be refreshed: {error}", is_retryable=True) from error


def _never() -> bool:
    return False
