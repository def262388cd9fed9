"""Signature Version 4: what botocore signs is accepted, what anyone changed on the way is not."""

import hashlib
import hmac
import time
from urllib.parse import unquote, urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from gatewayapp.core.sigv4 import (
    IncompleteSignature,
    InvalidSignature,
    MissingAuthenticationToken,
    SignatureError,
    Signed,
    UnrecognizedClient,
    _SigningKey,
    verify,
)

KEY, SECRET = "NPAKEXAMPLEEXAMPLE22", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
HOST = "http://gateway.example:8000"
EMPTY = hashlib.sha256(b"").hexdigest()

PATHS = [
    "/prod/@connections/abc%3D",
    "/prod/%40connections/abc%3D",
    "/prod/@connections/abc=",
    "/v2/apis",
    "/v2/apis/",
    "/v2/apis/ab12cd34ef/stages/%24default",
    "/v2/apis/ab12cd34ef/stages/prod/routesettings/room%2Fjoin",
    "/v2/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2Fab12cd34ef?tagKeys=a&tagKeys=b%20c",
    "/v2/apis?maxResults=10&nextToken=a%2Bb%3D",
    "/prefix//double/../apis",
]


def signed_by_header(url, method="GET", body=b"", token=None, headers=None, service="execute-api"):
    request = AWSRequest(
        method=method, url=HOST + url, data=body, headers={"Host": "gateway.example:8000", **(headers or {})}
    )
    SigV4Auth(Credentials(KEY, SECRET, token), service, "eu-west-1").add_auth(request)
    return as_received(request, body)


def signed_by_query(url, token=None, expires=60, service="execute-api"):
    request = AWSRequest(method="GET", url=HOST + url, headers={"Host": "gateway.example:8000"})
    SigV4QueryAuth(Credentials(KEY, SECRET, token), service, "eu-west-1", expires=expires).add_auth(request)
    return as_received(request, b"")


def as_received(request, body):
    """What a server sees of a request: the wire's path and query, lower-case header names."""
    parts = urlsplit(request.url)
    return {
        "method": request.method,
        "raw_path": parts.path,
        "query_string": parts.query,
        "headers": [(name.lower(), value) for name, value in request.headers.items()],
        "body": body,
    }


def check(request, *, now=None, secret_of={KEY: SECRET}.get, service="execute-api"):
    return verify(**request, secret_of=secret_of, service=service, now=time.time() if now is None else now)


@pytest.mark.parametrize("path", PATHS)
def test_a_request_signed_in_its_headers_is_accepted(path):
    assert check(signed_by_header(path, "POST", b'{"a": 1}')) == Signed(KEY, "eu-west-1")


@pytest.mark.parametrize("path", PATHS)
def test_a_presigned_request_is_accepted(path):
    assert check(signed_by_query(path)) == Signed(KEY, "eu-west-1")


@pytest.mark.parametrize("sign", [signed_by_header, signed_by_query])
def test_a_session_token_is_accepted(sign):
    assert check(sign("/prod/@connections/abc%3D", token="session/token+==")).access_key_id == KEY


@pytest.mark.parametrize("path", PATHS)
def test_a_signer_that_encodes_the_decoded_path_once_is_accepted(path):
    """Such signers are common outside botocore; S3's signer in botocore signs the path of the wire as it stands."""

    class OnceEncoded(SigV4Auth):
        def _normalize_url_path(self, path):
            return path.replace("@", "%40").replace("abc=", "abc%3D").replace("//double/..", "")

    request = AWSRequest(method="GET", url=HOST + path, headers={"Host": "gateway.example:8000"})
    OnceEncoded(Credentials(KEY, SECRET), "execute-api", "eu-west-1").add_auth(request)
    assert check(as_received(request, b""))


@pytest.mark.parametrize(
    "path", ["/prod/@connections/abc%3D", "/prod/@connections/abc=", "/prod/%40connections/abc%3D"]
)
def test_a_signer_that_takes_the_path_as_it_stands_is_accepted(path):
    """As curl's --aws-sigv4 does."""

    class AsItStands(SigV4Auth):
        def _normalize_url_path(self, path):
            return path

    request = AWSRequest(method="GET", url=HOST + path, headers={"Host": "gateway.example:8000"})
    AsItStands(Credentials(KEY, SECRET), "execute-api", "eu-west-1").add_auth(request)
    assert check(as_received(request, b""))


def test_the_path_and_the_query_may_be_bytes():
    request = signed_by_header(PATHS[7])
    request |= {"raw_path": request["raw_path"].encode(), "query_string": request["query_string"].encode()}
    assert check(request)


def test_the_body_may_be_given_by_its_hash():
    request = signed_by_header("/prod/@connections/abc%3D", "POST", b"hello")
    assert check(request | {"body": hashlib.sha256(b"hello").hexdigest()})


def test_headers_that_stand_twice_are_signed_together():
    request = signed_by_header("/v2/apis", headers={"x-tag": "a,b"})
    split = [header for header in request["headers"] if header[0] != "x-tag"] + [("x-tag", " a "), ("x-tag", "b")]
    assert check(request | {"headers": split})


# Of the published "AWS Signature Version 4 test suite": key AKIDEXAMPLE, service "service", 2015-08-30T12:36:00Z.
VECTORS = {
    "get-vanilla": (
        "GET", "/", "", [], b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    "get-slash": (
        "GET", "//", "", [], b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    "get-relative": (
        "GET", "/example/..", "", [], b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    "get-vanilla-query-order-key-case": (
        "GET", "/", "Param2=value2&Param1=value1", [], b"",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    "get-vanilla-query-unreserved": (
        "GET", "/", "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz="
        "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", [], b"",
        "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
    ),
    "get-utf8": (
        "GET", "/%E1%88%B4", "", [], b"", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
    ),
    "get-header-key-duplicate": (
        "GET", "/", "", [("my-header1", "value2"), ("my-header1", "value2"), ("my-header1", "value1")], b"",
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    ),
    "get-header-value-trim": (
        "GET", "/", "", [("my-header1", " value1"), ("my-header2", ' "a   b   c"')], b"",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ),
    "post-vanilla": (
        "POST", "/", "", [], b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    "post-x-www-form-urlencoded": (
        "POST", "/", "", [("content-type", "application/x-www-form-urlencoded")], b"Param1=value1",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VECTORS)
def test_the_published_vectors_are_accepted(name):
    method, path, query, headers, body, signature = VECTORS[name]
    date = [("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")]
    signed = ";".join(sorted({header for header, _ in [*headers, *date]}))
    authorization = (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={signed}, Signature={signature}"
    )
    request = {
        "method": method,
        "raw_path": path,
        "query_string": query,
        "headers": [*headers, *date, ("authorization", authorization)],
        "body": body,
    }
    secrets = {"AKIDEXAMPLE": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
    assert check(request, secret_of=secrets.get, service="service", now=1440938160) == Signed(
        "AKIDEXAMPLE", "us-east-1"
    )


FORGED = InvalidSignature, "does not match the signature you provided"


def without(request, name):
    return request | {"headers": [header for header in request["headers"] if header[0] != name]}


def with_header(request, name, value):
    return request | {"headers": [*without(request, name)["headers"], (name, value)]}


def authorization_of(request):
    return dict(request["headers"])["authorization"]


def rewritten(request, old, new):
    changed = authorization_of(request).replace(old, new)
    assert changed != authorization_of(request)
    return with_header(request, "authorization", changed)


SIGNED_AT = time.time()
"""When the requests that the tables share were signed: the tests may run long after that."""

POST = signed_by_header("/prod/@connections/abc%3D", "POST", b"hello")
PRESIGNED = signed_by_query("/prod?token=1")

REFUSED = {
    "it is not signed": (without(POST, "authorization"), MissingAuthenticationToken, "Missing Authentication Token"),
    "it bears another kind of token": (
        with_header(POST, "authorization", "Bearer x"),
        IncompleteSignature,
        "AWS4-HMAC",
    ),
    "it is signed twice": (
        POST | {"headers": [*POST["headers"], ("authorization", authorization_of(POST))]},
        IncompleteSignature,
        "stand once",
    ),
    "its date is missing": (without(POST, "x-amz-date"), IncompleteSignature, "X-Amz-Date"),
    "its date is no date": (with_header(POST, "x-amz-date", "yesterday"), InvalidSignature, "Date in Credential scope"),
    "its scope has parts missing": (rewritten(POST, "/aws4_request", ""), IncompleteSignature, "Credential must read"),
    "its scope ends otherwise": (rewritten(POST, "aws4_request", "aws5_request"), IncompleteSignature, "terminator"),
    "its scope is another day": (rewritten(POST, f"{KEY}/2", f"{KEY}/1"), InvalidSignature, "Date in Credential scope"),
    "it was made for another service": (
        signed_by_header("/", service="s3"),
        InvalidSignature,
        "Credential should be scoped to correct service: 'execute-api'.",
    ),
    "its region was changed": (rewritten(POST, "eu-west-1", "us-east-1"), *FORGED),
    "its host is not signed": (rewritten(POST, "SignedHeaders=host;", "SignedHeaders="), IncompleteSignature, "'host'"),
    "its signed headers are not sorted": (
        rewritten(POST, "host;x-amz-date", "x-amz-date;host"),
        IncompleteSignature,
        "sorted",
    ),
    "a signed header is gone": (without(POST, "host"), InvalidSignature, "'host' is not in the request"),
    "its host was changed": (with_header(POST, "host", "other.example"), *FORGED),
    "its method was changed": (POST | {"method": "DELETE"}, *FORGED),
    "its path was changed": (POST | {"raw_path": "/dev/@connections/abc%3D"}, *FORGED),
    "its query was changed": (POST | {"query_string": "a=1"}, *FORGED),
    "a signature was added to its query": (POST | {"query_string": "X-Amz-Signature=1"}, *FORGED),
    "its body was changed": (POST | {"body": b"hellp"}, *FORGED),
    "its body's hash is another's": (
        with_header(POST, "x-amz-content-sha256", EMPTY),
        InvalidSignature,
        "x-amz-content-sha256",
    ),
    "its body is unsigned": (
        signed_by_header("/", "POST", b"x", headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}),
        InvalidSignature,
        "UNSIGNED-PAYLOAD",
    ),
    "its key is unknown": (
        rewritten(POST, KEY, "NPAKOTHEROTHEROTHER2"),
        UnrecognizedClient,
        "The security token included in the request is invalid.",
    ),
    "the presigned query was changed": (
        PRESIGNED | {"query_string": PRESIGNED["query_string"].replace("token=1", "token=2")},
        *FORGED,
    ),
    "the presigned query lives longer than it was signed for": (
        PRESIGNED | {"query_string": PRESIGNED["query_string"].replace("Expires=60", "Expires=61")},
        *FORGED,
    ),
    "the presigned query lives longer than a week": (
        signed_by_query("/prod", expires=604_801),
        IncompleteSignature,
        "X-Amz-Expires",
    ),
    "the presigned query has a parameter twice": (
        PRESIGNED | {"query_string": PRESIGNED["query_string"] + "&X-Amz-Date=20260101T000000Z"},
        IncompleteSignature,
        "X-Amz-Date stands more than once",
    ),
    "the presigned query lacks a parameter": (
        PRESIGNED | {"query_string": PRESIGNED["query_string"].replace("X-Amz-Date", "X-Amz-Day")},
        IncompleteSignature,
        "needs the query parameter X-Amz-Date",
    ),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_request_is_refused_if(reason):
    request, error, message = REFUSED[reason]
    with pytest.raises(error, match="(?s)" + message.replace("(", "\\(")) as raised:
        check(request, now=SIGNED_AT)
    assert raised.value.status == 403


@pytest.mark.parametrize(
    ("sign", "seconds_later", "message"),
    [
        (signed_by_header, 302, "Signature expired: "),
        (signed_by_header, -302, "Signature not yet current: "),
        (signed_by_query, 62, "Signature expired: "),
        (signed_by_query, -302, "Signature not yet current: "),
    ],
)
def test_a_signature_out_of_time_is_refused(sign, seconds_later, message):
    with pytest.raises(InvalidSignature, match=message):
        check(sign("/prod"), now=time.time() + seconds_later)


@pytest.mark.parametrize("seconds_later", [-290, 290])
def test_clocks_may_differ_by_five_minutes(seconds_later):
    assert check(signed_by_header("/prod"), now=time.time() + seconds_later)


BODY = b'{"message": "hello"}'
VICTIM = signed_by_header(
    "/prod/@connections/abc%3D?tag=a%20b", "POST", BODY, headers={"Content-Type": "application/json"}
)


@given(st.data())
def test_a_request_changed_in_one_byte_anywhere_is_refused(data):
    part = data.draw(st.sampled_from(["method", "raw_path", "query_string", "body", *dict(VICTIM["headers"])]))
    original = VICTIM[part] if part in VICTIM else dict(VICTIM["headers"])[part]
    changed = data.draw(one_byte_changed(original))
    if means_the_same(original, changed):
        return
    request = VICTIM | {part: changed} if part in VICTIM else with_header(VICTIM, part, changed)
    with pytest.raises(SignatureError):
        check(request, now=SIGNED_AT)


@st.composite
def one_byte_changed(draw, original):
    position = draw(st.integers(0, len(original) - 1))
    if isinstance(original, bytes):
        new = draw(st.integers(0, 255).filter(lambda byte: byte != original[position]))
        return original[:position] + bytes([new]) + original[position + 1 :]
    new = draw(st.characters(max_codepoint=255).filter(lambda character: character != original[position]))
    return original[:position] + new + original[position + 1 :]


def means_the_same(original, changed):
    """Percent signs may be followed by digits of either case, and blanks by other blanks; that changes nothing."""
    if isinstance(original, bytes):
        return original == changed
    return unquote(original).split() == unquote(changed).split()


DAY = 86_400
OTHER_SECRET = SECRET[::-1]


def signed_at(moment, secret=SECRET, region="eu-west-1", body=b"hello"):
    """A POST that was signed at a moment, in epoch seconds."""
    request = AWSRequest(
        "POST", HOST + "/prod/@connections/abc%3D", data=body, headers={"Host": "gateway.example:8000"}
    )
    signer = SigV4Auth(Credentials(KEY, secret), "execute-api", region)
    request.context["timestamp"] = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(moment))
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    request.headers["Authorization"] = authorization_by(signer, request)
    return as_received(request, body)


def authorization_by(signer, request):
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    names = signer.signed_headers(signer.headers_to_sign(request))
    return f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={names}, Signature={signature}"


NOW = SIGNED_AT // DAY * DAY + DAY // 2
AFTERWARDS = {
    "nothing changed": (signed_at(NOW), NOW, SECRET, None),
    "the next day, signed that day": (signed_at(NOW + DAY), NOW + DAY, SECRET, None),
    "another region": (signed_at(NOW, region="us-east-1"), NOW, SECRET, None),
    "the secret changed and so did the signer's": (signed_at(NOW, OTHER_SECRET), NOW, OTHER_SECRET, None),
    "the key was revoked": (signed_at(NOW), NOW, None, UnrecognizedClient),
    "the secret changed": (signed_at(NOW), NOW, OTHER_SECRET, InvalidSignature),
    "the signer has another secret": (signed_at(NOW, OTHER_SECRET), NOW, SECRET, InvalidSignature),
    "it was sent again the next day": (signed_at(NOW), NOW + DAY, SECRET, InvalidSignature),
    "the next day's date was written over it": (
        with_header(signed_at(NOW), "x-amz-date", signed_at(NOW + DAY)["headers"][1][1]), NOW + DAY, SECRET,
        InvalidSignature,
    ),
    "the body changed": (signed_at(NOW) | {"body": b"hullo"}, NOW, SECRET, InvalidSignature),
    "the path changed": (signed_at(NOW) | {"raw_path": "/prod/@connections/abd%3D"}, NOW, SECRET, InvalidSignature),
    "a signed header changed": (with_header(signed_at(NOW), "host", "elsewhere"), NOW, SECRET, InvalidSignature),
}  # fmt: skip


@pytest.mark.parametrize("change", AFTERWARDS)
def test_nothing_is_accepted_for_what_was_accepted_before(change):
    """Keys and parts of signatures are remembered from the requests that came before."""
    request, now, secret, error = AFTERWARDS[change]
    for _ in range(3):
        assert check(signed_at(NOW), now=NOW)
    if error is None:
        assert check(request, now=now, secret_of={KEY: secret}.get)
        return
    with pytest.raises(error):
        check(request, now=now, secret_of={KEY: secret}.get if secret else {}.get)


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_a_signing_key_makes_the_codes_of_rfc_2104(key, text):
    signing_key = _SigningKey(key)
    assert signing_key.sign(text) == signing_key.sign(text) == hmac.new(key, text, "sha256").hexdigest()
