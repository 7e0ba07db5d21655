from importlib import import_module

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "harborweb.accounts"

    def ready(self) -> None:
        """Listen to sign-ins; the module needs the models, so it loads after them."""
        import_module("harborweb.accounts.signals")
