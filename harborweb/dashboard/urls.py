from django.urls import path

from harborweb.dashboard import views

app_name = "dashboard"
urlpatterns = [
    path("", views.home, name="home"),
    path("components/", views.components, name="components"),
]
