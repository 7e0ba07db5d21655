"""Addresses of dry runs, included in those of deployment."""

from django.urls import path

from harborweb.deployment.dry_run import views

urlpatterns = [
    path("start/", views.start, name="dry_run_start"),
    path("start/draft/", views.start_draft, name="dry_run_draft_start"),
    path("<int:pk>/", views.detail, name="dry_run"),
]
