"""The page where one signs in."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from dashboard.forms import SignInForm
from dashboard.throttle import TooManyTries, remember_browser


class SignInView(LoginView):
    template_name = "dashboard/signin.html"
    redirect_authenticated_user = True
    form_class = SignInForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except TooManyTries as refused:
            context = self.get_context_data(form=SignInForm(request), minutes=refused.minutes)
            headers = {"Retry-After": str(refused.seconds)}
            return self.render_to_response(context, status=429, headers=headers)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        remember_browser(response, form.get_user().get_username(), reverse("login"))
        return response
