"""Addresses of deployment."""

from django.urls import include, path

from harborweb.deployment import drift_views, views
from harborweb.deployment.containers import views as container_views
from harborweb.deployment.host import views as host_views

app_name = "deployment"
urlpatterns = [
    path("", views.home, name="home"),
    path("containers/panel/", views.containers, name="containers_panel"),
    path("compose/", container_views.compose, name="compose"),
    path("containers/", include("harborweb.deployment.containers.urls")),
    path("dry-run/", include("harborweb.deployment.dry_run.urls")),
    path("upgrade/", include("harborweb.deployment.upgrade.urls")),
    path("backups/", include("harborweb.deployment.backup.urls")),
    path("machine/", host_views.machine, name="machine"),
    path("machine/check/", host_views.check, name="machine_check"),
    path("deploy/", views.deploy, name="deploy"),
    path("stop/", views.stop, name="stop"),
    path("start/", views.start, name="start"),
    path("deploy/preview/", views.preview, name="preview"),
    path("<int:number>/", views.detail, name="detail"),
    path("<int:number>/ending/", views.ending, name="ending"),
    path("<int:number>/put-right/", views.put_right, name="put_right"),
    path("<int:number>/put-back/", views.put_back, name="put_back"),
    path("drift/", drift_views.drift, name="drift"),
    path("drift/look/", drift_views.drift_look, name="drift_look"),
    path("existing/", drift_views.existing, name="existing"),
    path("installer/", views.installer, name="installer"),
    path("installer/folder/", views.installer_folder, name="installer_folder"),
    path("installer/upload/", views.installer_upload, name="installer_upload"),
    path("installer/url/", views.installer_url, name="installer_url"),
    path("installer/<int:pk>/", views.installer_one, name="installer_one"),
    path("installer/<int:pk>/draft/", views.installer_draft, name="installer_draft"),
]
