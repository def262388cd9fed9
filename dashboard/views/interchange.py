"""Import and export: a document is shown with what it would change, and only then carried out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect, render

from dashboard.permissions import Request, page
from dashboard.pictures import drawn
from dashboard.resources.fields import Pairs
from dashboard.resources.widgets import MORE
from gatewayapp.controlplane import operations
from gatewayapp.controlplane.api.v1.permissions import on_all, on_api
from gatewayapp.controlplane.api.views import api_endpoint
from gatewayapp.controlplane.operations.errors import BadRequest, OperationError
from gatewayapp.core.roles import Permission
from gatewayapp.interchange import (
    FORMATS,
    MAX_DOCUMENT_BYTES,
    Imported,
    Rejected,
    apply,
    export_api,
    preview,
    read_document,
)
from gatewayapp.models import Api

_PARAMETERS = Pairs("parameters", "Parameters")


@dataclass(frozen=True, slots=True)
class Format:
    """What an API can be exported as, in words."""

    name: str
    title: str
    text: str
    extension: str
    content_type: str = "application/yaml"


_DESCRIBED = (
    Format("nopal", "Nopal", "All of it in one short document. What is exported can be imported again.", "yaml"),
    Format("cloudformation", "CloudFormation", "A template for AWS, or for any tool that reads one.", "yaml"),
    Format("asyncapi", "AsyncAPI", "What clients send and get, for documentation and generated clients.", "yaml"),
    Format("mermaid", "Mermaid", "The routes as a diagram in text, for a README.", "mmd", "text/plain"),
    Format("svg", "SVG", "The routes as a picture.", "svg", "image/svg+xml"),
)


class ImportForm(forms.Form):
    """A document, pasted or as a file."""

    document = forms.CharField(
        required=False,
        strip=False,
        widget=forms.Textarea({"rows": 16, "class": "mono", "spellcheck": "false", "autocomplete": "off"}),
        help_text="A CloudFormation or SAM template (YAML or JSON), or a document that begins with nopal: 1.",
    )
    file = forms.FileField(
        required=False,
        label="or a file",
        help_text="Drop it anywhere here, or choose it. It takes the place of what is pasted.",
    )
    api = forms.CharField(
        required=False,
        max_length=255,
        label="API of the template",
        help_text="Its logical id, where there are several.",
    )
    parameters = forms.Field(
        required=False,
        widget=_PARAMETERS.widget(()),
        help_text="A template's parameters, and values that only AWS knows, such as LoadBalancer.DNSName.",
    )
    draft = forms.BooleanField(
        required=False, label="The draft only", help_text="Stages stay as they are: nothing is deployed."
    )

    def clean_parameters(self) -> dict[str, str]:
        try:
            parameters: dict[str, str] = _PARAMETERS.parsed(self.cleaned_data["parameters"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        return parameters

    def clean(self) -> None:
        text, file = self.cleaned_data.get("document", ""), self.cleaned_data.get("file")
        if file is not None:
            text = self._text_of(file)
        if not text.strip():
            self.add_error("document", "Paste a document, or choose a file.")
        elif len(text.encode()) > MAX_DOCUMENT_BYTES:
            self.add_error(
                "document",
                f"The document is larger than {MAX_DOCUMENT_BYTES // 2**20} MiB. Split it, one API per document.",
            )
        self.cleaned_data["document"] = text.replace("\r\n", "\n")

    def shown_again(self) -> "ImportForm":
        """The form with what was typed, and what a file held in the text area, since browsers forget files."""
        names = [name for name in self.fields if name != "file"]
        typed: dict[str, Any] = {
            name: self.fields[name].widget.value_from_datadict(self.data, self.files, name) for name in names
        }
        return ImportForm(initial=typed | {"document": getattr(self, "cleaned_data", {}).get("document", "")})

    def _text_of(self, file: UploadedFile) -> str:
        try:
            return bytes(file.read(MAX_DOCUMENT_BYTES + 1)).decode()
        except UnicodeDecodeError:
            self.add_error("file", f"{file.name} is not UTF-8 text.")
            return ""


@page(read=on_all(Permission.WRITE_APIS), write=on_all(Permission.WRITE_APIS))
def import_api(request: Request) -> HttpResponse:
    """Make a new API; nobody has a role on it yet, so that needs the right over all."""
    return _import(request, None)


@page(read=on_api(Permission.READ_APIS), write=on_api(Permission.WRITE_APIS))
def interchange(request: Request, api_id: str) -> HttpResponse:
    """Export the API, and give it another document."""
    return _import(request, operations.get_api(api_id=api_id))


@page(read=on_api(Permission.READ_APIS))
def export(request: Request, api_id: str, export_format: str) -> HttpResponse:
    """The document as a file; with `?stage=` what that stage serves."""
    api = operations.get_api(api_id=api_id)
    described = next((each for each in _formats() if each.name == export_format), None)
    if described is None:
        raise BadRequest(f"Unknown format {export_format!r}; known are: {', '.join(FORMATS)}.")
    stage = request.GET.get("stage") or None
    try:
        with_secrets = request.access.may(Permission.WRITE_APIS, api_id)
        text = export_api(api_id, export_format, stage, api_endpoint(request, api_id), with_secrets=with_secrets)
    except Rejected as rejection:
        raise BadRequest(str(rejection)) from rejection
    name = "-".join(filter(None, (_file_name(api.name) or api_id, stage)))
    disposition = f'attachment; filename="{name}.{described.extension}"'
    return HttpResponse(text, content_type=described.content_type, headers={"Content-Disposition": disposition})


def _import(request: Request, api: Api | None) -> HttpResponse:
    posted = request.method == "POST"
    form = ImportForm(request.POST, request.FILES) if posted else ImportForm()
    context: dict[str, Any] = {"api": api, "form": form}
    if MORE in request.POST:
        form.is_valid()
        context["form"] = form.shown_again()
    elif posted and form.is_valid():
        imported, problems = _carried_out(form.cleaned_data, api, apply if "apply" in request.POST else preview)
        if imported and "apply" in request.POST:
            messages.success(request, _done(imported), "good")
            return redirect("api", api_id=imported.api_id)
        picture = drawn(imported.comparison) if imported else None
        context |= {"imported": imported, "picture": picture, "problems": problems, "form": form.shown_again()}
    if api:
        context |= {"formats": _formats(), "stages": list(api.stages.all())}
    context["may_write"] = request.access.may(Permission.WRITE_APIS, api.api_id if api else "")
    return render(request, "dashboard/interchange/interchange.html", context)


def _carried_out(asked: Mapping[str, Any], api: Api | None, do: Any) -> tuple[Imported | None, list[Any]]:
    """What was or would be done, or all that is in the way."""
    try:
        plan = read_document(asked["document"], asked["parameters"], asked["api"] or None)
        imported: Imported = do(plan.without_stages() if asked["draft"] else plan, api.api_id if api else None)
    except Rejected as rejection:
        return None, list(rejection.problems)
    except OperationError as error:
        return None, [{"place": "", "message": error.message}]
    return imported, []


def _done(imported: Imported) -> str:
    count = len(imported.changes)
    return f"Imported: {count} change{'' if count == 1 else 's'}." if count else "Imported: nothing differed."


def _formats() -> list[Format]:
    return [each for each in _DESCRIBED if each.name in FORMATS]


def _file_name(name: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name).strip("-")[:64]
