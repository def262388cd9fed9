"""AWS_PROXY and AWS integrations with a Lambda function: a call through the Invoke API.

A function that ran and failed is an answer (status 200 with X-Amz-Function-Error), and so is 202 for one that was
queued; any other status means that it was not run, for want of it, of permission, of capacity or of the service itself.
AWS page: lambda/latest/api/API_Invoke.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

import orjson

from gatewayapp.core.errors import InvocationRefused
from gatewayapp.core.messages import Caller, IntegrationResponse, LambdaRequest
from gatewayapp.integrations.clients import Clients


def invoke(
    request: LambdaRequest, caller: Caller, connection_id: str, clients: Clients
) -> Awaitable[IntegrationResponse]:
    """The function's result or its error, told by `function_error`.

    Raises InvocationRefused where the function was not run, and what `OutboundClient.send` raises. It is a task, which
    the caller need not be: finding credentials has a time-out of its own.
    """
    return asyncio.get_running_loop().create_task(_invoke(request, caller, connection_id, clients))


async def _invoke(request: LambdaRequest, caller: Caller, connection_id: str, clients: Clients) -> IntegrationResponse:
    answer = await clients.functions.invoke(request, caller, connection_id)
    if answer.status != (202 if request.asynchronous else 200):
        # 429: the function's concurrency is used up; 5xx: the service itself failed. Neither has run the function.
        is_retryable = answer.status == 429 or answer.status >= 500
        raise InvocationRefused(
            f"Lambda function {request.function_name}: {_reason(answer)}.", is_retryable=is_retryable
        )
    return replace(answer, function_error=_header(answer, "x-amz-function-error"))


def _header(answer: IntegrationResponse, wanted: str) -> str | None:
    return next((value for name, value in answer.headers if name.lower() == wanted), None)


def _reason(answer: IntegrationResponse) -> str:
    """The status, the error's type and AWS's sentence about it, as far as they were sent."""
    kind = (_header(answer, "x-amzn-errortype") or "").partition(":")[0]
    return " ".join(part for part in (f"status {answer.status}", kind, _sentence(answer.body)) if part)


def _sentence(body: bytes) -> str:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(document, dict):
        return ""
    return str(document.get("Message") or document.get("message") or "").rstrip(".")[:500]
