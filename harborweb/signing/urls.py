"""Addresses of keys, signing and verifying."""

from django.urls import path

from harborweb.signing import handing_views as handing
from harborweb.signing import views

app_name = "signing"
urlpatterns = [
    path("", views.keys, name="keys"),
    path("new/", views.new, name="new"),
    path("import/", views.import_key, name="import"),
    path("kms/", views.connect_kms, name="kms"),
    path("look/", views.look, name="look"),
    path("sign/", views.sign, name="sign"),
    path("verify/", views.verify, name="verify"),
    path("<int:pk>/", views.key, name="key"),
    path("public/", handing.public_page, name="public_page"),
    path("publishing/", handing.publishing, name="publishing"),
    path("exported/<int:pk>/", handing.exported, name="exported"),
    path("<int:pk>/export/", handing.export, name="export"),
    path("<int:pk>/public/", views.public, name="public"),
    path("<int:pk>/rename/", views.rename, name="rename"),
    path("<int:pk>/delete/", views.delete, name="delete"),
    path("<str:name>.pub", handing.published, name="published"),
]
