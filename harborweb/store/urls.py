"""Addresses of registries and what is in them."""

from django.urls import path

from harborweb.store import artifact_views, catalogue_views, connection, creating_views, project_views, registries

app_name = "store"
urlpatterns = [
    path("", registries.page, name="registries"),
    path("add/", registries.add, name="registry_add"),
    path("<int:pk>/change/", registries.change, name="registry_change"),
    path("<int:pk>/remove/", registries.remove, name="registry_remove"),
    path("<int:pk>/connection/", connection.page, name="connection"),
    path("<int:pk>/connection/look/", connection.look, name="connection_look"),
    path("<int:pk>/connection/rights/", connection.rights, name="connection_rights"),
    path("<int:pk>/robots/", connection.robots, name="robots"),
    path("<int:pk>/robots/renew/", connection.renew, name="robots_renew"),
    path("<int:pk>/robots/remove/", connection.robots_remove, name="robots_remove"),
    path("<int:pk>/robots/<int:number>/forget/", connection.forget, name="robot_forget"),
    path("<int:pk>/test/", registries.test, name="registry_test"),
    path("<int:pk>/", project_views.projects, name="projects"),
    path("<int:pk>/store/", catalogue_views.store, name="store"),
    path("<int:pk>/new-project/", creating_views.add, name="project_add"),
    path("<int:pk>/new-project/request/", creating_views.preview, name="project_preview"),
    path("<int:pk>/go/", project_views.go, name="go"),
    path("<int:pk>/project/<str:project>/", project_views.repositories, name="repositories"),
    path("<int:pk>/repository/<path:name>/", artifact_views.repository, name="repository"),
    path("<int:pk>/artifact/<path:name>/<str:digest>/", artifact_views.artifact, name="artifact"),
]
