"""How views answer: the whole page, or the fragment of it that htmx asked for, from one URL.

A page's template includes its fragments, files beside it whose names begin with an underscore. htmx says with
`HX-Request-Type: partial` that it wants to put the answer into a part of the page.
"""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers

from dashboard.themes import theme_of

_TITLES = {
    400: "This cannot be done",
    403: "This is not for you",
    404: "There is nothing here",
    409: "Someone was faster",
    413: "The request is too large",
    429: "Too many",
    503: "Temporarily unavailable",
    507: "The disk is full",
}


def is_fragment(request: HttpRequest) -> bool:
    """Whether a part of a page is asked for, not all of it."""
    return request.headers.get("HX-Request-Type") == "partial"


def render_page(
    request: HttpRequest, page: str, fragment: str, context: Mapping[str, Any], status: int = 200
) -> HttpResponse:
    """`fragment` where htmx asks for a part, else `page`, which includes it; both get the same context."""
    response = render(request, fragment if is_fragment(request) else page, dict(context), status=status)
    patch_vary_headers(response, ["HX-Request-Type"])
    return response


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The handler of URLs without a view. Django's would read the body, which may be malformed."""
    return render(request, "404.html", status=404)


def refuse(request: HttpRequest, status: int, message: str) -> HttpResponse:
    """Say why not: on a page of its own, or for a fragment in the notices at the top of the page that is open.

    The context of other pages is left out, since it is read from the database.
    """
    if not is_fragment(request):
        title = _TITLES.get(status, "Something went wrong")
        context = {"status": status, "title": title, "message": message, "theme": theme_of(request)}
        return HttpResponse(render_to_string("refusal.html", context), status=status)
    response = HttpResponse(render_to_string("components/notice.html", {"tone": "bad", "text": message}), status=status)
    response["HX-Retarget"] = "#notices"
    response["HX-Reswap"] = "innerHTML"
    return response
