"""Addresses of names, below access/names/."""

from django.urls import path

from harborweb.access.dns import views

urlpatterns = [
    path("", views.first, name="names"),
    path("<slug:name>/", views.page, name="names_of"),
    path("<slug:name>/text/<int:number>/", views.text, name="names_text"),
]
