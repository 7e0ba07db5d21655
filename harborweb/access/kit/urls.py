"""Addresses of the client kit."""

from django.urls import path

from harborweb.access.kit import views

urlpatterns = [
    path("", views.kit, name="kit"),
    path("folder/", views.kit_folder, name="kit_folder"),
]
