"""Addresses of the audit."""

from django.urls import path

from harborweb.audit import views
from harborweb.audit.hooks import views as hooks

app_name = "audit"
urlpatterns = [
    path("", views.home, name="home"),
    path("sweep/", views.sweep, name="sweep"),
    path("export.<str:form>", views.export, name="export"),
    path("hooks/<int:pk>/", hooks.page, name="hooks"),
    path("hooks/<int:pk>/make/", hooks.make, name="hooks_make"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/evidence.zip", views.evidence, name="evidence"),
]
