"""Where a Harbor delivers its webhooks: outside of every session, so at an address of its own."""

from django.urls import path

from harborweb.audit.hooks import receiver

app_name = "hooks"
urlpatterns = [path("harbor/<int:pk>/", receiver.harbor, name="harbor")]
