"""The dashboard's addresses. A page's name is its place in the menu; pages beneath it are named `{page}-{what}`."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from dashboard.resources.registry import KINDS
from dashboard.themes import choose_theme
from dashboard.views import deployments, resources
from dashboard.views.home import home
from dashboard.views.setup import setup
from dashboard.views.signin import SignInView

urlpatterns = [
    path("", home, name="home"),
    path("signin", SignInView.as_view(), name="login"),
    path("signout", LogoutView.as_view(), name="logout"),
    path("setup/<str:token>", setup, name="setup"),
    path("theme", choose_theme, name="theme"),
    path("apis/<str:api_id>/deployments/<str:deployment_id>/serve", deployments.serve, name="deployments-serve"),
    *(address for kind in KINDS for address in resources.addresses(kind)),
]
