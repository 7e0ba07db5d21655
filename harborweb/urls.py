"""Every address; the role a view needs stands at the view (`accounts.roles.requires`)."""

from django.urls import include, path

urlpatterns = [
    path("", include("harborweb.dashboard.urls")),
    path("", include("harborweb.accounts.urls")),
    path("configuration/", include("harborweb.configuration.urls")),
    path("deployment/", include("harborweb.deployment.urls")),
    path("access/", include("harborweb.access.urls")),
    path("registry/", include("harborweb.store.urls")),
    path("keys/", include("harborweb.signing.urls")),
    path("audit/", include("harborweb.audit.urls")),
    path("hooks/", include("harborweb.audit.hooks.urls")),
    path("", include("harborweb.audit.notices.urls")),
    path("jobs/", include("harborweb.jobs.urls")),
]
