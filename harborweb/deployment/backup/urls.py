"""Addresses of backups, included in those of deployment."""

from django.urls import path

from harborweb.deployment.backup import views

urlpatterns = [
    path("", views.home, name="backups"),
    path("new/", views.back_up, name="backup_start"),
    path("restore/", views.restore, name="restore_start"),
    path("restore/database/", views.restore_database, name="restore_database_start"),
]
