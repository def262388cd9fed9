"""The dashboard's addresses. A page's name is its place in the menu; pages beneath it are named `{page}-{what}`."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from dashboard.themes import choose_theme
from dashboard.views.client import client, saved_messages
from dashboard.views.home import first_api, home
from dashboard.views.setup import setup
from dashboard.views.signin import SignInView

urlpatterns = [
    path("", home, name="home"),
    path("first-api", first_api, name="home-first-api"),
    path("client", client, name="client"),
    path("client/saved", saved_messages, name="client-saved"),
    path("signin", SignInView.as_view(), name="login"),
    path("signout", LogoutView.as_view(), name="logout"),
    path("setup/<str:token>", setup, name="setup"),
    path("theme", choose_theme, name="theme"),
]
