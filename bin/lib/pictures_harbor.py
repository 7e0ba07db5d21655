"""The second tour of bin/pictures: a Harbor behind the pages, and how people reach it."""

from bin.lib import pictures_audit
from bin.lib.camera import Camera

MESSAGE = (
    'Error response from daemon: Get "https://registry.lab.example/v2/": tls: failed to verify certificate: '
    "x509: certificate signed by unknown authority"
)


def tour(camera: Camera) -> None:
    """Connection, store, an image that only looks signed, the audit, then the ways on of access."""
    page = camera.page
    camera.until("Succeeded", "/jobs/?kind=sweep")
    camera.go("/registry/1/connection/")
    camera.shoot("connection", 1000)
    camera.go("/registry/1/store/")
    camera.shoot("store", 620)
    camera.go("/registry/1/repository/team/api/")
    page.get_by_role("link", name="2.0", exact=True).first.click()
    page.get_by_text("Cryptography says").wait_for()
    camera.shoot("artifact", 900)
    pictures_audit.tour(camera)
    camera.go("/access/cache/1/new/")
    camera.shoot("cache", 860)
    camera.go("/access/proxy/nginx/?name=registry.lab.example")
    camera.shoot("recipe", 1000)
    camera.go("/access/doctor/")
    with page.expect_navigation():
        camera.press("Ask")
    camera.until("Nothing to repair", "/access/doctor/")
    camera.shoot("doctor", 860)
    camera.go("/access/decoder/")
    page.locator("textarea").fill(MESSAGE)
    camera.press("Decode")
    page.get_by_text("These words say so").first.wait_for()
    camera.shoot("decoder", 760)
    camera.go("/access/kit/")
    camera.shoot("kit", 860)
