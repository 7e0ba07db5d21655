"""Addresses of the doctor, below access/doctor/."""

from django.urls import path

from harborweb.access.doctor import views

urlpatterns = [
    path("", views.page, name="doctor"),
    path("ask/", views.ask, name="doctor_ask"),
    path("<int:pk>/", views.page, name="doctor_one"),
    path("<int:pk>/report/", views.report, name="doctor_report"),
]
