"""Addresses of access."""

from django.urls import path

from harborweb.access import views

app_name = "access"
urlpatterns = [
    path("", views.home, name="home"),
]
