"""Keys for how Harbor is reached: address, HTTPS, the administrator, IP families, TLS between the containers."""

from django.utils.translation import gettext_lazy as _

from harborweb.configuration.fields.shape import HARBOR_ONLY, Block, Effect, Field, Kind

# fmt: off
FIELDS = (
    Field(
        "hostname", "address", Kind.HOST, _("Host name"),
        _("The name of this machine on your network, or its IP address, as other machines reach it. "
          "Without https:// and without a port: those are asked separately."),
        Effect.RESTART, placeholder="registry.example", basic=True,
    ),
    Field(
        "http.port", "address", Kind.PORT, _("HTTP port"),
        _("Harbor answers plain http here. With HTTPS in Harbor it only sends people on to the HTTPS port; "
          "with a reverse proxy in front, the proxy talks to this port."),
        Effect.RESTART, default=80, basic=True,
    ),
    Field(
        "https.port", "https", Kind.PORT, _("HTTPS port"),
        _("With another port than 443, everybody has to write it behind the host name."),
        Effect.RESTART, default=443, only=HARBOR_ONLY, basic=True,
    ),
    Field(
        "https.certificate", "https", Kind.PATH, _("Certificate file"),
        _("Path on Harbor’s machine. A PEM file with the certificate first, then those between it and the authority. "
          "Its names have to cover the host name."),
        Effect.RESTART, only=HARBOR_ONLY, placeholder="/etc/harbor/tls/registry.example.crt", basic=True,
    ),
    Field(
        "https.private_key", "https", Kind.PATH, _("Private key file"),
        _("Path on Harbor’s machine: the key that belongs to the certificate, PEM, without a password."),
        Effect.RESTART, only=HARBOR_ONLY, placeholder="/etc/harbor/tls/registry.example.key", basic=True,
    ),
    Field(
        "external_url", "https", Kind.URL, _("Public address"),
        _("The address that people type, when it is not the host name with Harbor’s port: behind a reverse proxy "
          "it is the proxy’s. docker fetches its tokens there. Only scheme, name and port, without a path."),
        Effect.RESTART, optional=True, placeholder="https://registry.example", basic=True,
    ),
    Field(
        "https.strong_ssl_ciphers", "https", Kind.BOOLEAN, _("Strong ciphers only"),
        _("Harbor’s nginx then refuses older ciphers. Old docker clients and old browsers no longer get in."),
        Effect.RESTART, default=False, optional=True, only=HARBOR_ONLY,
    ),
    Field(
        "harbor_admin_password", "administrator", Kind.PASSWORD, _("Password of admin"),
        _("The first sign-in to Harbor is admin with this password. 8 to 128 characters with an upper-case letter, "
          "a lower-case letter and a digit."),
        Effect.FIRST_START, default="Harbor12345", secret=True, basic=True,
    ),
    Field(
        "ip_family.ipv4.enabled", "ip", Kind.BOOLEAN, _("Listen on IPv4"),
        _("Whether Harbor’s nginx and its portal listen on IPv4 inside their containers."),
        Effect.DOWN_UP, default=True,
    ),
    Field(
        "ip_family.ipv6.enabled", "ip", Kind.BOOLEAN, _("Listen on IPv6"),
        _("Only where docker’s networks have IPv6; otherwise nginx does not start."),
        Effect.DOWN_UP, default=False,
    ),
    Field(
        "internal_tls.enabled", "internal_tls", Kind.BOOLEAN, _("Encrypt between the containers"),
        _("Harbor’s containers then talk TLS among themselves, with certificates that you make beforehand. "
          "Browsers and docker clients notice nothing of it."),
        Effect.DOWN_UP, default=False,
    ),
    Field(
        "internal_tls.dir", "internal_tls", Kind.PATH, _("Folder of the certificates"),
        _("Holds harbor_internal_ca.crt and a certificate and key for each container. "
          "Harbor’s prepare image makes them with its gencert command."),
        Effect.DOWN_UP, placeholder="/etc/harbor/tls/internal",
    ),
)

BLOCKS = (
    Block(
        "https", "https", _("HTTPS in Harbor"), _("Harbor’s nginx holds certificate and key."),
        Effect.RESTART, needs=("port", "certificate", "private_key"),
    ),
    Block(
        "ip_family", "ip", _("Choose the IP families"),
        _("Without it Harbor listens on IPv4 alone. IPv6 also has to be on in docker."),
    ),
    Block(
        "internal_tls", "internal_tls", _("TLS between the containers"),
        _("For machines where others may read docker’s network."), needs=("enabled", "dir"),
    ),
)
# fmt: on
