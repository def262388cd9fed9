"""What is sent to connections, and how they are closed: the forms of both, wherever they are."""

import base64
import binascii
import json
from typing import Any

from django import forms

from gatewayapp.controlplane.operations.connections import LONGEST_REASON

FORMATS = (
    ("json", "JSON"),
    ("text", "Text"),
    ("base64", "Binary, in base64"),
    ("hex", "Binary, in hex"),
)

CODES = (
    ("1000", "Normal", "All is done. Clients usually do not come back."),
    ("1001", "Going away", "The server leaves. Most client libraries reconnect."),
    ("1008", "Policy violation", "The client may not do this, or not any more."),
    ("1011", "Server error", "Something unexpected happened on this side."),
    ("1012", "Service restart", "Come back in a moment: clients should reconnect after a random delay."),
    ("own", "A code of your own", "3000-3999 for libraries, 4000-4999 for what your client understands."),
)
"""Close codes, their names and what they tell a client (RFC 6455 section 7.4 and IANA's registry of close codes)."""


class FrameForm(forms.Form):
    """A frame, written as text or JSON, or for a binary one in base64 or hex."""

    format = forms.ChoiceField(choices=FORMATS)
    payload = forms.CharField(required=False, strip=False, widget=forms.Textarea)

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        try:
            said["frame"] = _frame(said.get("format", ""), said.get("payload", ""))
        except ValueError as error:
            self.add_error("payload", str(error))
        return said


class CloseForm(forms.Form):
    """The code and the reason of a close frame."""

    code = forms.ChoiceField(choices=[(code, name) for code, name, _ in CODES], initial="1000")
    own_code = forms.IntegerField(required=False, min_value=3000, max_value=4999)
    reason = forms.CharField(required=False, max_length=LONGEST_REASON)

    def clean_reason(self) -> str:
        reason: str = self.cleaned_data["reason"]
        if len(reason.encode()) > LONGEST_REASON:
            raise forms.ValidationError(
                f"A reason has at most {LONGEST_REASON} bytes in UTF-8; this has {len(reason.encode())}."
            )
        return reason

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if said.get("code") == "own" and said.get("own_code") is None:
            if "own_code" not in self.errors:
                self.add_error("own_code", "Give a code between 3000 and 4999.")
        elif "code" in said:
            said["code"] = said["own_code"] if said["code"] == "own" else int(said["code"])
        return said


def first_error(form: forms.Form) -> str:
    """The first thing that is wrong, for where the fields are not shown again."""
    return next((str(error) for errors in form.errors.values() for error in errors), "")


def _frame(format: str, payload: str) -> str | bytes:
    """Raises ValueError with a sentence."""
    # Browsers send CR LF for every line break in a field: what was typed is a line feed.
    text = payload.replace("\r\n", "\n")
    if format == "json":
        _check_json(text)
    if format == "base64":
        return _from_base64(text)
    return _from_hex(text) if format == "hex" else text


def _check_json(text: str) -> None:
    try:
        json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise ValueError(f"Not JSON: line {error.lineno}, column {error.colno}: {error.msg}.") from error
    except RecursionError as error:
        raise ValueError("This JSON is nested too deeply.") from error


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON.")


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("This is not base64: A-Z, a-z, 0-9, + and /, in fours, with = at the end.") from error


def _from_hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text.replace(":", " "))
    except ValueError as error:
        raise ValueError("This is not hex: two digits 0-9, a-f for each byte.") from error
