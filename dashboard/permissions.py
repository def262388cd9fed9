"""Who may open a page: signed in, and holding the permission that the page's `Need` names, as on the REST API.

    @page(read=on_api(Permission.READ_APIS), write=on_api(Permission.WRITE_APIS))
    def routes(request: Request, api_id: str) -> HttpResponse: ...

Whoever is not signed in goes to the sign-in; an API of which one may see nothing is one that is not there (404);
otherwise it is a 403. What an operation refuses and the view does not handle becomes a page that says why.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_http_methods
from django_htmx.middleware import HtmxDetails

from dashboard.rendering import is_fragment, refuse
from gatewayapp.controlplane.api.v1.permissions import Need, check_api, check_need
from gatewayapp.controlplane.operations.errors import NotFound, OperationError
from gatewayapp.controlplane.operations.grants import access_of
from gatewayapp.core.roles import Access

View = Callable[..., HttpResponseBase]
ApiOf = Callable[..., str]


class Request(HttpRequest):
    """What a page's view is given."""

    user: User
    htmx: HtmxDetails
    access: Access
    """What this person may do."""


def page(
    read: Need | None = None, write: Need | None = None, *, posts: bool = False, api_of: ApiOf | None = None
) -> Callable[[View], View]:
    """A view that takes GET from whoever meets `read`, and POST, if it takes it at all, from whoever meets `write`.

    A need of None is met by everyone who is signed in; a view that takes POST from them says so with `posts`. `api_of`
    gives the API's id for the view's arguments; without it `api_id` is among them.
    """
    posts = posts or write is not None

    def decorate(view: View) -> View:
        @require_http_methods(["GET", "HEAD", "POST"] if posts else ["GET", "HEAD"])
        @wraps(view)
        def checked(request: Any, **arguments: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return to_sign_in(request)
            request.access = access_of(request.user)
            need = write if request.method == "POST" else read
            try:
                if need is not None:
                    _check(request.access, need, api_of, arguments)
                return view(request, **arguments)
            except OperationError as error:
                return refuse(request, error.status, error.message)

        checked.needs = {"GET": read, "POST": write} if posts else {"GET": read}  # type: ignore[attr-defined]
        return checked

    return decorate


def _check(access: Access, need: Need, api_of: ApiOf | None, arguments: dict[str, Any]) -> None:
    if need.scope != "api":
        check_need(access, need)
        return
    api_id = api_of(**arguments) if api_of else arguments["api_id"]
    check_api(access, need.permission, api_id, NotFound(f"There is no API {api_id}.", resourceType="Api"))


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """Redirect a visitor who is not signed in to the sign-in page."""
    if not is_fragment(request):
        return redirect_to_login(request.get_full_path())
    # A fragment cannot show the sign-in: let the whole page go there, and come back to where it was.
    response = HttpResponse(status=401)
    response["HX-Redirect"] = redirect_to_login(HtmxDetails(request).current_url_abs_path or "/")["Location"]
    return response
