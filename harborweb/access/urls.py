"""Addresses of access."""

from django.urls import include, path

from harborweb.access import views

app_name = "access"
urlpatterns = [
    path("cache/", include("harborweb.access.cache.urls")),
    path("", views.home, name="home"),
    path("proxy/", include("harborweb.access.recipes.urls")),
    path("names/", include("harborweb.access.dns.urls")),
    path("kit/", include("harborweb.access.kit.urls")),
    path("doctor/", include("harborweb.access.doctor.urls")),
    path("board/", include("harborweb.access.board.urls")),
    path("decoder/", include("harborweb.access.decoder.urls")),
]
