"""Addresses of upgrades, included in those of deployment."""

from django.urls import path

from harborweb.deployment.upgrade import views

urlpatterns = [
    path("", views.home, name="upgrades"),
    path("start/", views.start, name="upgrade_start"),
    path("<int:pk>/", views.detail, name="upgrade"),
    path("<int:pk>/decide/", views.decide, name="upgrade_decide"),
    path("<int:pk>/save/", views.save, name="upgrade_save"),
    path("<int:pk>/go/", views.go, name="upgrade_go"),
    path("<int:pk>/back/", views.back, name="upgrade_back"),
]
