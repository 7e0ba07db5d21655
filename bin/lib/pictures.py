"""bin/pictures [harbor]: the pictures of docs/user-guide.md, taken from a demo that configures, deploys and changes a
registry, and from one with a Harbor in it (with "harbor" these alone).
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

from bin.lib import pictures_harbor
from bin.lib.camera import HEIGHT, WIDTH, Camera
from bin.lib.demo import Demo, free, free_port
from bin.lib.processes import Died, Stop, stop_on_signals
from bin.lib.say import VAR, SetupError, say

FAILED = VAR / "pictures-failed.png"
PLACE = Path("/srv/harbor")  # a path as readers have one, for it is in the pictures


def tour(camera: Camera) -> None:
    """From an installer to a deployed, changed, looked-at and backed-up registry."""
    port = next((number for number in (8080, 8081, 8085, 8090) if free(number)), None) or free_port()
    _questions(camera, str(port))
    _sections(camera)
    _first_deployment(camera)
    _second_revision(camera)
    _what_runs(camera)
    _drift(camera)
    _backup(camera)
    _upgrade(camera)


def _questions(camera: Camera, port: str) -> None:
    page = camera.page
    camera.go("/configuration/draft/first/")
    page.get_by_label("Host name", exact=False).first.fill("registry.lab.example")
    page.locator('[name="http.port"]').fill(port)
    page.locator('[name="choose:tls"][value="nowhere"]').check()
    page.locator('[name="data_volume"]').fill(str(camera.demo.data / "data"))
    camera.shoot("questions", 1330)
    camera.press("Review first")
    page.wait_for_url("**/review/")
    camera.shoot("review", 1000)


def _sections(camera: Camera) -> None:
    page = camera.page
    camera.go("/configuration/draft/address/")
    page.locator('[name="hostname"]').fill("https://registry.lab.example")
    page.locator('[name="stay"]').last.click()
    camera.shoot("settings", 860)
    page.locator('[name="hostname"]').fill("registry.lab.example")
    page.locator('[name="stay"]').last.click()


def _first_deployment(camera: Camera) -> None:
    page = camera.page
    camera.go("/configuration/draft/review/")
    camera.press("Check this machine")
    camera.settle()
    camera.shoot("machine", 1000)
    camera.go("/configuration/draft/review/")
    camera.press("Save revision")
    page.wait_for_url("**/revisions/*/")
    camera.go("/deployment/deploy/")
    camera.press("Deploy")
    camera.settle()
    camera.shoot("deployment", 1100)


def _second_revision(camera: Camera) -> None:
    page = camera.page
    camera.go("/configuration/")
    camera.press("Change revision 1")
    camera.go("/configuration/draft/address/")
    page.locator('[name="hostname"]').fill("harbor.lab.example")
    page.locator('[name="stay"]').last.click()
    camera.go("/configuration/draft/review/")
    page.get_by_label("Why", exact=True).fill("the name everybody knows")
    camera.press("Save revision")
    page.wait_for_url("**/revisions/*/")
    camera.go("/configuration/compare/?from=1&to=2")
    camera.shoot("compare", 600)
    camera.go("/deployment/deploy/")
    camera.press("Dry run")
    camera.settle()
    camera.shoot("dry-run", 900)


def _what_runs(camera: Camera) -> None:
    page = camera.page
    camera.go("/deployment/containers/")
    page.get_by_text("live", exact=True).first.wait_for()
    page.locator("td", has_text=re.compile(r"\d\s%")).first.wait_for()
    camera.shoot("containers", 560)
    page.get_by_role("link", name="practice-registry", exact=True).click()
    page.locator(".live-log .log-line").nth(8).wait_for()
    camera.shoot("log", 860)


def _drift(camera: Camera) -> None:
    folder = camera.demo.data / "installers" / "practice"
    with (folder / "harbor.yml").open("a") as file:
        file.write("# edited by hand\n")
    camera.go("/deployment/drift/")
    camera.press("Look now")
    camera.until("edited by hand", "/deployment/drift/")
    camera.shoot("drift", 760)


def _backup(camera: Camera) -> None:
    page = camera.page
    camera.go("/deployment/backups/")
    for field in page.locator('#new-title >> xpath=ancestor::section >> css=input[type="password"]').all():
        field.fill("a passphrase for the picture")
    camera.press("Back up")
    camera.until("Decrypted and compared", "/deployment/backups/")
    camera.shoot("backup", 860)


def _upgrade(camera: Camera) -> None:
    """A newer installer: the same image by another name, and a template that has moved on."""
    old, new = camera.demo.data / "installers" / "practice", camera.demo.data / "installers" / "practice-2.15.2"
    new.mkdir()
    image = re.findall(r"^\s*(\S+/prepare:v2\.15\.0\S*) ", (old / "prepare").read_text(), re.MULTILINE)[0]
    newer = image.replace("v2.15.0", "v2.15.2")
    for name in ("LICENSE", "common.sh", "install.sh"):
        shutil.copy2(old / name, new / name)
    (new / "prepare").write_text((old / "prepare").read_text().replace(image, newer))
    (new / "prepare").chmod(0o755)
    template = (old / "harbor.yml.tmpl").read_text().replace("port: 443", "port: 8443")
    (new / "harbor.yml.tmpl").write_text(template + "\n# Bearer tokens of scanners\nscanner:\n  token: made-up\n")
    subprocess.run(["docker", "tag", image, newer], check=True, capture_output=True)
    try:
        _prepare_upgrade(camera, new)
    finally:
        subprocess.run(["docker", "rmi", newer], capture_output=True)


def _prepare_upgrade(camera: Camera, folder: Path) -> None:
    page = camera.page
    camera.go("/deployment/installer/")
    page.locator('[name="folder"]').fill(str(folder))
    camera.press("Use folder")
    camera.until("v2.15.2", "/deployment/upgrade/")
    page.get_by_role("button", name=re.compile("^Prepare")).first.click()
    page.wait_for_url(re.compile(r"/upgrade/\d+/$"))
    camera.until("Do it", page.url.removeprefix(camera.demo.address))
    camera.shoot("upgrade", 1000)


def main() -> int:
    """Run a demo, walk through it, write the pictures."""
    os.environ.pop("PYTHONPATH", None)
    stop_on_signals()
    try:
        browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        if browser is None:
            raise SetupError("Chromium is not installed. On Debian: apt-get install chromium")
        if PLACE.exists():
            raise SetupError(f"{PLACE} is there already, and the pictures show that folder. Move it away.")
        for walk in [pictures_harbor.tour] if sys.argv[1:] == ["harbor"] else [tour, pictures_harbor.tour]:
            try:
                _take(PLACE, browser, walk)
            finally:
                shutil.rmtree(PLACE, ignore_errors=True)
    except (SetupError, Died) as error:
        say(f"bin/pictures: {error}")
        return 1
    except Stop as signal:
        say(f"Stopped ({signal}).")
        return 130
    return 0


def _take(folder: Path, browser: str, walk: Callable[[Camera], None]) -> None:
    harbor = walk is pictures_harbor.tour
    with Demo(folder, free_port(), harbor) as demo, sync_playwright() as playwright:
        if not demo.docker and not harbor:
            raise SetupError("No Docker engine answers, and the pictures show a registry that was deployed.")
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--hide-scrollbars"])
        context = chromium.new_context(viewport={"width": WIDTH, "height": HEIGHT}, reduced_motion="reduce")
        camera = Camera(demo, context.new_page(), context.new_page())
        camera.page.goto(demo.link())
        try:
            walk(camera)
        except Error as error:
            camera.page.screenshot(path=FAILED)
            raise SetupError(f"{error.message}\nThe page as it was then: {FAILED}") from error
        finally:
            chromium.close()
            _clear(demo.data / "installers")


def _clear(installers: Path) -> None:
    """Take away the containers and networks that were deployed from these folders."""
    for folder in installers.iterdir():
        if (folder / "docker-compose.yml").exists():
            subprocess.run(["docker", "compose", "down", "-v", "-t", "2"], cwd=folder, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
