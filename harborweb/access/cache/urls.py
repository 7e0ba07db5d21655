"""Addresses of pull-through caches, within access."""

from django.urls import path

from harborweb.access.cache import making_views, views

urlpatterns = [
    path("", views.home, name="cache"),
    path("limit/", views.limit, name="cache_limit"),
    path("<int:pk>/new/", making_views.wizard, name="cache_new"),
    path("half/<int:number>/", making_views.half, name="cache_half"),
    path("<int:pk>/project/<str:project>/", views.page, name="cache_page"),
    path("<int:pk>/project/<str:project>/clients/", views.clients, name="cache_clients"),
]
