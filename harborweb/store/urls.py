"""Addresses of registries and what is in them."""

from django.urls import path

from harborweb.store import registries, views

app_name = "store"
urlpatterns = [
    path("", registries.page, name="registries"),
    path("add/", registries.add, name="registry_add"),
    path("<int:pk>/change/", registries.change, name="registry_change"),
    path("<int:pk>/remove/", registries.remove, name="registry_remove"),
    path("<int:pk>/test/", registries.test, name="registry_test"),
    path("<int:pk>/", views.projects, name="projects"),
    path("<int:pk>/go/", views.go, name="go"),
    path("<int:pk>/project/<str:project>/", views.repositories, name="repositories"),
    path("<int:pk>/repository/<path:name>/", views.repository, name="repository"),
    path("<int:pk>/artifact/<path:name>/<str:digest>/", views.artifact, name="artifact"),
]
