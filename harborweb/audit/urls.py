"""Addresses of the audit."""

from django.urls import path

from harborweb.audit import views

app_name = "audit"
urlpatterns = [
    path("", views.home, name="home"),
    path("sweep/", views.sweep, name="sweep"),
    path("export.<str:form>", views.export, name="export"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/evidence.zip", views.evidence, name="evidence"),
]
