from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "harborweb.audit"
