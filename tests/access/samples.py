"""Harbors as a harbor.yml describes them, saved or running, for the pages of access."""

from typing import Any

from harborweb.configuration.models import Revision, fingerprint
from harborweb.sealing import seal
from tests import parts

TEMPLATE = (parts.ROOT / "tests" / "practice" / "harbor" / "harbor.yml.tmpl").read_text()
PASSWORD = "Corr3ct-Horse-Battery"
TEXT = (
    "# of the lab\nhostname: registry.example\n\nhttp:\n  port: 80\n\nhttps:\n  port: 443\n"
    "  certificate: /srv/tls/registry.crt\n  private_key: /srv/tls/registry.key\n\n# external_url: https://x\n\n"
    f"harbor_admin_password: {PASSWORD}\ndata_volume: /data\n"
)
PLAIN = TEXT.replace(
    "https:\n  port: 443\n  certificate: /srv/tls/registry.crt\n  private_key: /srv/tls/registry.key\n\n", ""
)


def saved(text: str = TEXT, **fields: Any) -> Revision:
    """A saved harbor.yml; the next revision."""
    given = {"who_name": "ada", "origin": "a test", "from_installer": False, **fields}
    return Revision.objects.create(
        number=Revision.objects.count() + 1, text_sealed=seal(text, "revision"), template_sealed=seal(text, "revision"),
        digest=fingerprint(text), **given,
    )  # fmt: skip
