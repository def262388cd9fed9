"""Every way an operation can refuse, and what its caller is told; codes, statuses and texts are AWS's.

OperationError
├── BadRequest      400  invalid or incomplete input, a forbidden combination
├── AccessDenied    403  the caller may not do this
├── NotFound        404  the resource or its parent is missing
├── Conflict        409  a duplicate key or name, a resource in use, a change at the same moment
│   └── Outdated         the draft is not the one that the caller saw
├── TooMany         429  a quota is reached
└── Unavailable     503  no gateway is there to ask
"""

from typing import Self


class OperationError(Exception):
    """An expected refusal; `details` are further members of the answer beside `message`."""

    status = 500
    code = ""
    member = ""
    """The keyword of the member that is to blame, where one is: no part of the answer, but a form shows it there."""

    def __init__(self, message: str, **details: str) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def about(self, member: str) -> Self:
        """The same, said of `member`."""
        self.member = member
        return self


class BadRequest(OperationError):
    status = 400
    code = "BadRequestException"


class AccessDenied(OperationError):
    status = 403
    code = "AccessDeniedException"


class NotFound(OperationError):
    status = 404
    code = "NotFoundException"


class Conflict(OperationError):
    status = 409
    code = "ConflictException"


class Outdated(Conflict):
    """Tells in `details` who changed the draft last."""


class TooMany(OperationError):
    status = 429
    code = "TooManyRequestsException"


class Unavailable(OperationError):
    status = 503
    code = "ServiceUnavailableException"
