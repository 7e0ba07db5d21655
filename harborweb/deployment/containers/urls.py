"""Addresses of containers."""

from django.urls import path

from harborweb.deployment.containers import views

urlpatterns = [
    path("", views.containers, name="containers"),
    path("table/", views.table, name="containers_table"),
    path("<str:name>/", views.container, name="container"),
    path("<str:name>/lines/", views.container_lines, name="container_lines"),
    path("<str:name>/log/", views.container_log, name="container_log"),
    path("<str:name>/act/", views.container_act, name="container_act"),
]
