"""The Celery app (`celery -A harborweb.celery worker -Q host` or `-Q default`, `… beat`)."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "harborweb.settings")
app = Celery("harborweb")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
