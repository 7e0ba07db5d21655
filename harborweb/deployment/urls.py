"""Addresses of deployment."""

from django.urls import path

from harborweb.deployment import views

app_name = "deployment"
urlpatterns = [
    path("", views.home, name="home"),
    path("containers/", views.containers, name="containers"),
    path("deploy/", views.deploy, name="deploy"),
    path("stop/", views.stop, name="stop"),
    path("start/", views.start, name="start"),
    path("<int:number>/", views.detail, name="detail"),
    path("installer/", views.installer, name="installer"),
    path("installer/folder/", views.installer_folder, name="installer_folder"),
    path("installer/upload/", views.installer_upload, name="installer_upload"),
    path("installer/url/", views.installer_url, name="installer_url"),
    path("installer/<int:pk>/", views.installer_one, name="installer_one"),
    path("installer/<int:pk>/draft/", views.installer_draft, name="installer_draft"),
]
