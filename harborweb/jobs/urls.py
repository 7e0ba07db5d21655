"""The addresses of jobs."""

from django.urls import path

from harborweb.jobs import views

app_name = "jobs"
urlpatterns = [
    path("", views.list_jobs, name="list"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/rows/", views.rows, name="rows"),
    path("<int:pk>/stop/", views.stop, name="stop"),
    path("<int:pk>/log/", views.log, name="log"),
]
