"""AWS Signature Version 4, the verifying side: signed headers and presigned query strings.

    SignatureError                 403, with AWS's code and message
    ├── MissingAuthenticationToken     the request is not signed
    ├── IncompleteSignature            a part of the signature is missing or malformed
    ├── UnrecognizedClient             no such access key
    └── InvalidSignature               forged, changed on the way, or out of time

Nothing is trusted before the signature matches; the body's hash is always computed here, never taken from the client.
AWS page: reference_sigv-create-signed-request. Clients differ in how they write the path and the query into what they
sign; botocore encodes the path of the wire once more, others encode the decoded path once. Either is accepted.
"""

import hashlib
import hmac
import re
from calendar import timegm
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from time import gmtime, strftime, strptime
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

ALGORITHM = "AWS4-HMAC-SHA256"
CLOCK_SKEW = 300
"""Seconds that the clocks of client and server may differ."""
LONGEST_EXPIRY = 604_800
"""Seconds that a presigned query string may live at most, a week."""

Headers = Sequence[tuple[str, str]]
_Fields = Mapping[str, list[str]]
"""The values of each header, in order of arrival."""


class SignatureError(Exception):
    """Why a request is not accepted; `code` and `message` are what AWS answers."""

    status = 403
    code = ""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class MissingAuthenticationToken(SignatureError):
    code = "MissingAuthenticationTokenException"


class IncompleteSignature(SignatureError):
    code = "IncompleteSignatureException"


class UnrecognizedClient(SignatureError):
    code = "UnrecognizedClientException"


class InvalidSignature(SignatureError):
    code = "InvalidSignatureException"


class Signed(NamedTuple):
    """Who signed a request, and for which region."""

    access_key_id: str
    region: str


def verify(
    *,
    method: str,
    raw_path: str | bytes,
    query_string: str | bytes,
    headers: Headers,
    body: bytes | str,
    secret_of: Callable[[str], str | None],
    service: str,
    now: float,
) -> Signed:
    """The signer of a request, proven.

    `raw_path` and `query_string` stand as on the wire, still percent-encoded; `headers` have lower-case names, in order
    of arrival; `body` is the body, or the SHA-256 of it in lower-case hex. `secret_of` gives the secret of an access
    key id, or None; `now` is in epoch seconds. Raises a SignatureError.
    """
    path, query, fields = _text(raw_path), _text(query_string), _fields(headers)
    claim, secret = _checked_claim(query, fields, secret_of, service, now)
    terms = claim.terms
    rest = f"{_signed_headers(terms, fields)}\n{_payload_hash(fields, body)}"
    if not _matches(claim, secret, method, path, query, rest):
        raise InvalidSignature(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details."
        )
    return Signed(terms.access_key_id, terms.region)


def check_claim(
    *,
    query_string: str | bytes,
    headers: Headers,
    secret_of: Callable[[str], str | None],
    service: str,
    now: float,
) -> None:
    """Check what a request says about its signature before its body is there: the key is known, the time is right.

    This proves nobody's identity; it spares reading the bodies of requests that `verify` would refuse. Arguments and
    errors are those of `verify`.
    """
    _checked_claim(_text(query_string), _fields(headers), secret_of, service, now)


class _Terms(NamedTuple):
    """With which key, and over which headers, a request says that it is signed."""

    access_key_id: str
    date: str
    region: str
    service: str
    scope: str
    header_names: tuple[str, ...]
    signed_headers: str


class _Claim(NamedTuple):
    """What a request says about its signature, not yet believed; `expires` (seconds) only where it is presigned."""

    terms: _Terms
    timestamp: str
    signature: str
    expires: int | None = None


def _checked_claim(
    query: str, fields: _Fields, secret_of: Callable[[str], str | None], service: str, now: float
) -> tuple[_Claim, str]:
    """The claim and the secret of its key."""
    claim = _claim(query, fields)
    _check_scope(claim, service)
    _check_time(claim, now)
    secret = secret_of(claim.terms.access_key_id)
    if secret is None:
        raise UnrecognizedClient("The security token included in the request is invalid.")
    return claim, secret


def _fields(headers: Headers) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for name, value in headers:
        if name in fields:
            fields[name].append(value)
        else:
            fields[name] = [value]
    return fields


def _claim(query: str, fields: _Fields) -> _Claim:
    authorization = fields.get("authorization", [])
    for value in authorization:
        if value.startswith(ALGORITHM):
            return _header_claim(authorization, fields.get("x-amz-date", []))
    if "X-Amz-Algorithm=" in query or "X-Amz-Signature=" in query:
        return _query_claim(query)
    if authorization:
        raise IncompleteSignature(f"The Authorization header is no signature: it must begin with {ALGORITHM}.")
    raise MissingAuthenticationToken("Missing Authentication Token")


def _header_claim(authorization: list[str], timestamps: list[str]) -> _Claim:
    beginning, _, rest = authorization[0].rpartition("Signature=")
    signature = rest.rstrip(" ")
    if len(authorization) != 1 or not signature or "," in signature or " " in signature:
        raise _malformed_authorization()
    terms = _authorization_terms(beginning)
    if len(timestamps) != 1:
        raise IncompleteSignature("Authorization header requires existence of one 'X-Amz-Date' header.")
    return _Claim(terms, timestamps[0].strip(), signature)


_AUTHORIZATION = re.compile(rf"{ALGORITHM} +Credential=([^, ]+), *SignedHeaders=([^, ]+), *", re.ASCII)


# A client signs many requests of a day with the same key and the same headers.
@lru_cache(maxsize=1024)
def _authorization_terms(beginning: str) -> _Terms:
    """What the Authorization header says in front of the signature."""
    parts = _AUTHORIZATION.fullmatch(beginning)
    if parts is None:
        raise _malformed_authorization()
    return _terms(parts[1], parts[2])


def _malformed_authorization() -> IncompleteSignature:
    return IncompleteSignature(
        f"The Authorization header must read '{ALGORITHM} Credential=…, SignedHeaders=…, Signature=…', and stand once."
    )


def _query_claim(query: str) -> _Claim:
    fields: dict[str, str] = {}
    for name, value in _pairs(query):
        if name in fields:
            raise IncompleteSignature(f"The query parameter {name} stands more than once.")
        if name.startswith("X-Amz-"):
            fields[name] = unquote_to_bytes(value).decode("latin-1")
    for name in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"):
        if not fields.get(f"X-Amz-{name}"):
            raise IncompleteSignature(f"A presigned request needs the query parameter X-Amz-{name}.")
    if fields["X-Amz-Algorithm"] != ALGORITHM:
        raise IncompleteSignature(f"X-Amz-Algorithm must be {ALGORITHM}.")
    expires = fields["X-Amz-Expires"]
    if not re.fullmatch("[0-9]{1,6}", expires) or not 0 < int(expires) <= LONGEST_EXPIRY:
        raise IncompleteSignature(f"X-Amz-Expires must be a number of seconds from 1 to {LONGEST_EXPIRY}.")
    terms = _terms(fields["X-Amz-Credential"], fields["X-Amz-SignedHeaders"])
    return _Claim(terms, fields["X-Amz-Date"], fields["X-Amz-Signature"], int(expires))


def _terms(credential: str, signed_headers: str) -> _Terms:
    access_key_id, date, region, service = _scope(credential)
    scope = f"{date}/{region}/{service}/aws4_request"
    return _Terms(access_key_id, date, region, service, scope, _header_names(signed_headers), signed_headers)


def _scope(credential: str) -> tuple[str, str, str, str]:
    scope = credential.split("/")
    if len(scope) != 5 or not all(scope):
        raise IncompleteSignature("Credential must read ACCESS_KEY_ID/DATE/REGION/SERVICE/aws4_request.")
    access_key_id, date, region, service, terminator = scope
    if terminator != "aws4_request":
        raise IncompleteSignature("Credential should be scoped with a valid terminator: 'aws4_request'.")
    return access_key_id, date, region, service


def _header_names(signed_headers: str) -> tuple[str, ...]:
    names = tuple(signed_headers.split(";"))
    if "host" not in names:
        raise IncompleteSignature("'host' must be a signed header.")
    if list(names) != sorted(set(names)):
        raise IncompleteSignature("SignedHeaders must be sorted, each name once.")
    return names


def _check_scope(claim: _Claim, service: str) -> None:
    if claim.terms.service != service:
        raise InvalidSignature(f"Credential should be scoped to correct service: '{service}'.")
    if claim.timestamp[:8] != claim.terms.date:
        raise InvalidSignature(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP."
        )


def _check_time(claim: _Claim, now: float) -> None:
    signed_at = _epoch(claim.timestamp)
    valid_for = CLOCK_SKEW if claim.expires is None else claim.expires
    if now > signed_at + valid_for:
        raise InvalidSignature(
            f"Signature expired: {claim.timestamp} is now earlier than {_timestamp(now - valid_for)} "
            f"({_timestamp(now)} - {valid_for / 60:g} min.)"
        )
    if now < signed_at - CLOCK_SKEW:
        raise InvalidSignature(
            f"Signature not yet current: {claim.timestamp} is still later than {_timestamp(now + CLOCK_SKEW)} "
            f"({_timestamp(now)} + {CLOCK_SKEW / 60:g} min.)"
        )


_BLANK = " \t"
_BLANKS = re.compile("[ \t]+")


def _signed_headers(terms: _Terms, fields: _Fields) -> str:
    """The canonical headers, an empty line and the names of those that are signed."""
    lines = ""
    for name in terms.header_names:
        values = fields.get(name)
        if values is None:
            raise InvalidSignature(f"The signed header {name!r} is not in the request.")
        value = _trimmed(values[0]) if len(values) == 1 else ",".join(map(_trimmed, values))
        lines += f"{name}:{value}\n"
    return f"{lines}\n{terms.signed_headers}"


def _trimmed(value: str) -> str:
    value = value.strip(_BLANK)
    return _BLANKS.sub(" ", value) if "  " in value or "\t" in value else value


def _payload_hash(fields: _Fields, body: bytes | str) -> str:
    computed = body if isinstance(body, str) else hashlib.sha256(body).hexdigest()
    claimed = fields.get("x-amz-content-sha256")
    if claimed and any(value.strip() != computed for value in claimed):
        raise InvalidSignature(
            "The provided 'x-amz-content-sha256' header does not match what was computed. "
            "The body must be signed; UNSIGNED-PAYLOAD is not accepted here."
        )
    return computed


def _matches(claim: _Claim, secret: str, method: str, path: str, query: str, rest: str) -> bool:
    key = _signing_key(secret, claim.terms.date, claim.terms.region, claim.terms.service)
    signature = claim.signature.encode("latin-1")
    for one_path in _canonical_paths(path):
        for one_query in _canonical_queries(query, presigned=claim.expires is not None) if query else ("",):
            computed = _signature(claim, key, f"{method}\n{one_path}\n{one_query}\n{rest}")
            if hmac.compare_digest(computed, signature):
                return True
    return False


def _signature(claim: _Claim, key: "_SigningKey", canonical_request: str) -> bytes:
    digest = hashlib.sha256(canonical_request.encode("latin-1")).hexdigest()
    to_sign = f"{ALGORITHM}\n{claim.timestamp}\n{claim.terms.scope}\n{digest}"
    return key.sign(to_sign.encode("latin-1")).encode()


def _canonical_paths(path: str) -> Iterator[str]:
    """The forms a path may be signed in, the commonest first: encoded once more, encoded once, as it stands (curl)."""
    yield _encoded_once_more(path)
    plain = _without_dot_segments(path)
    if "%" in plain:
        yield "/".join(_encoded(unquote_to_bytes(segment)) for segment in plain.split("/"))
    yield plain


@lru_cache(maxsize=2048)
def _encoded_once_more(path: str) -> str:
    return _RESERVED_IN_PATH.sub(_percent_encoded, _without_dot_segments(path))


def _canonical_queries(query: str, presigned: bool) -> Iterator[str]:
    """The sorted pairs as they stand, which is what botocore signs, and, where that differs, encoded anew."""
    pairs = [(name, value) for name, value in _pairs(query) if not (presigned and name == "X-Amz-Signature")]
    as_written = _joined(pairs)
    yield as_written
    encoded = _joined((_encoded(unquote_to_bytes(name)), _encoded(unquote_to_bytes(value))) for name, value in pairs)
    if encoded != as_written:
        yield encoded


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    for pair in query.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            yield name, value


def _joined(pairs: Iterable[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _without_dot_segments(path: str) -> str:
    """RFC 3986, section 5.2.4, and no empty segments, as SigV4 wants it of every service but S3."""
    if "//" not in path and "/." not in path:
        return path or "/"
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if path.endswith("/") and kept else "")


# Substituting the few reserved characters costs a fraction of what `urllib.parse.quote` does for each character.
_RESERVED = re.compile("[^A-Za-z0-9_.~-]")
_RESERVED_IN_PATH = re.compile("[^A-Za-z0-9_.~/-]")


def _encoded(value: bytes) -> str:
    return _RESERVED.sub(_percent_encoded, value.decode("latin-1"))


def _percent_encoded(character: re.Match[str]) -> str:
    return f"%{ord(character[0]):02X}"


@lru_cache(maxsize=1024)
def _signing_key(secret: str, date: str, region: str, service: str) -> "_SigningKey":
    """The key of one secret, for one day, region and service: another secret or another day is another key."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode("latin-1"), "sha256")
    return _SigningKey(key)


class _SigningKey:
    """HMAC-SHA-256 (RFC 2104) with a key of 32 bytes that signs many texts.

    The hashes that every signature begins with are kept, which makes one cost a sixth of `hmac.digest`, where OpenSSL
    looks up the algorithm and prepares the key each time.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        padded = key.ljust(hashlib.sha256().block_size, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))

    def sign(self, text: bytes) -> str:
        """The text's authentication code in hex."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.hexdigest()


@lru_cache(maxsize=1024)
def _epoch(timestamp: str) -> int:
    if not re.fullmatch("[0-9]{8}T[0-9]{6}Z", timestamp):
        raise IncompleteSignature(f"Date must be in ISO-8601 'basic format', as 20261122T074659Z; got {timestamp!r}.")
    try:
        return timegm(strptime(timestamp, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise IncompleteSignature(f"There is no such moment as {timestamp!r}.") from None


def _timestamp(epoch: float) -> str:
    return strftime("%Y%m%dT%H%M%SZ", gmtime(epoch))


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
