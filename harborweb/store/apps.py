from django.apps import AppConfig


class StoreConfig(AppConfig):
    name = "harborweb.store"
