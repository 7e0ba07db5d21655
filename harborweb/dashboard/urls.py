from django.urls import path

from harborweb.dashboard import views

app_name = "dashboard"
urlpatterns = [
    path("", views.home, name="home"),
    path("parts/jobs/", views.jobs, name="jobs"),
    path("parts/bar-jobs/", views.bar_jobs, name="bar_jobs"),
    path("parts/bar-registry/", views.bar_registry, name="bar_registry"),
    path("components/", views.components, name="components"),
]
