"""A registry that people of this installation work with."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from harborweb import sealing
from harborweb.registry.endpoint import Endpoint

PASSWORD_PURPOSE = "registry-password"  # noqa: S105 (a purpose, no password)


class Registry(models.Model):
    """One registry: address, credentials (the password sealed), and how far it is trusted."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    url = models.CharField(_("address"), max_length=300)
    username = models.CharField(_("user name"), max_length=255, blank=True)
    password_sealed = models.BinaryField(blank=True, default=b"")
    allow_http = models.BooleanField(_("allow plain http"), default=False)
    ca_pem = models.TextField(_("own CA certificate"), blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def host(self) -> str:
        """Host and port as they stand in an image reference."""
        return Endpoint(self.url, allow_http=True).host

    def endpoint(self) -> Endpoint:
        """What a client needs; raises Problem when the password was sealed with another app secret."""
        password = ""
        if self.password_sealed:
            password = sealing.unseal(self.password_sealed, PASSWORD_PURPOSE).decode()
        return Endpoint(
            self.url, username=self.username, password=password, allow_http=self.allow_http, ca_pem=self.ca_pem
        )
