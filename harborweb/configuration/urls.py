"""Addresses of the configuration wizard."""

from django.urls import path

from harborweb.configuration import views

app_name = "configuration"
urlpatterns = [
    path("", views.home, name="home"),
    path("import/", views.import_page, name="import"),
    path("import/read/", views.import_read, name="import_read"),
    path("draft/", views.section, {"name": "address"}, name="draft"),
    path("draft/review/", views.review, name="review"),
    path("draft/review/save/", views.save, name="save"),
    path("draft/discard/", views.discard, name="discard"),
    path("draft/file/", views.whole_file, name="file"),
    path("draft/<slug:name>/", views.section, name="section"),
    path("draft/<slug:name>/answer/", views.answer, name="answer"),
    path("draft/<slug:name>/preview/", views.preview, name="preview"),
    path("revisions/<int:number>/", views.revision, name="revision"),
    path("revisions/<int:number>/file/", views.revision_file, name="revision_file"),
    path("revisions/<int:number>/edit/", views.edit, name="edit"),
]
