"""Addresses of the configuration wizard."""

from django.urls import path

from harborweb.configuration import first_views, repair_views, revision_views, section_views, views

app_name = "configuration"
urlpatterns = [
    path("", views.home, name="home"),
    path("import/", views.import_page, name="import"),
    path("import/read/", views.import_read, name="import_read"),
    path("draft/", section_views.draft, name="draft"),
    path("draft/first/", first_views.questions, name="first"),
    path("draft/first/answer/", first_views.answer, name="first_answer"),
    path("draft/repair/", repair_views.flaws, name="repair"),
    path("draft/repair/now/", repair_views.repair, name="repair_now"),
    path("draft/repair/take-back/", repair_views.take_back, name="repair_take_back"),
    path("draft/search/", section_views.search, name="search"),
    path("draft/begin-again/", section_views.begin_again, name="begin_again"),
    path("draft/review/", views.review, name="review"),
    path("draft/review/save/", views.save, name="save"),
    path("draft/discard/", views.discard, name="discard"),
    path("draft/file/", views.whole_file, name="file"),
    path("draft/<slug:name>/", section_views.section, name="section"),
    path("draft/<slug:name>/answer/", section_views.answer, name="answer"),
    path("draft/<slug:name>/preview/", section_views.preview, name="preview"),
    path("take-up/", revision_views.take_up, name="take_up"),
    path("compare/", revision_views.compared, name="compare"),
    path("on-disk/take/", revision_views.take_disk, name="take_disk"),
    path("revisions/<int:number>/", revision_views.revision, name="revision"),
    path("revisions/<int:number>/file/", revision_views.revision_file, name="revision_file"),
    path("revisions/<int:number>/export/", revision_views.export, name="export"),
    path("revisions/<int:number>/reveal/", revision_views.reveal, name="reveal"),
    path("revisions/<int:number>/edit/", revision_views.edit, name="edit"),
    path("revisions/<int:number>/restore/", revision_views.restore, name="restore"),
]
