"""Addresses of the error decoder."""

from django.urls import path

from harborweb.access.decoder import views

urlpatterns = [path("", views.decoder, name="decoder")]
