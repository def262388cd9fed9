"""The dashboard's addresses. A page's name is its place in the menu; pages beneath it are named `{page}-{what}`."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from dashboard.themes import choose_theme
from dashboard.views.home import home
from dashboard.views.setup import setup

urlpatterns = [
    path("", home, name="home"),
    path(
        "signin",
        LoginView.as_view(template_name="dashboard/signin.html", redirect_authenticated_user=True),
        name="login",
    ),
    path("signout", LogoutView.as_view(), name="logout"),
    path("setup/<str:token>", setup, name="setup"),
    path("theme", choose_theme, name="theme"),
]
