"""bin/demo --smoke: the main job from end to end over HTTP, the way a browser does it, and judged."""

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bin.lib.browse import JOB_SECONDS, Astray, Browser, Page, watch_job
from bin.lib.demo import Demo, free_port, options
from bin.lib.processes import Died, Stop, stop_on_signals
from bin.lib.samples import CHILD, SAMPLES, TO_SIGN
from bin.lib.say import say


class Walk:
    """One walk through a running demo: each step is a method, and passes or fails."""

    def __init__(self, demo: Demo) -> None:
        self.demo = demo
        self.browser = Browser(demo.address)
        self.passed = self.failed = 0
        self.artifact: Page | None = None

    def step(self, name: str, work: Callable[[], None]) -> bool:
        """Do one step and count it; a step that fails says why, with the ends of the logs."""
        try:
            self.demo.children.check()
            work()
        except (Astray, Died, AssertionError, LookupError, ValueError, OSError) as error:
            self.failed += 1
            print(f"failed  {name}: {type(error).__name__}: {error}", flush=True)
            for child in ("web", "worker", "worker-host"):
                say(f"  {child}:\n{self.demo.children.tail(child, 12)}")
            return False
        self.passed += 1
        print(f"passed  {name}", flush=True)
        return True

    def job(self, page: Page) -> str:
        """The log of the job that `page` shows, once it has succeeded."""
        return watch_job(self.browser, page, self.demo.children.check)

    # The steps

    def sign_in(self) -> None:
        """The link opens the hall, once; the page's policy allows no inline script."""
        link = self.demo.link()
        hall = self.browser.get(link)
        assert "/sign-out/" in hall.body, f"not signed in:\n{hall.shown()}"
        policy = hall.headers["Content-Security-Policy"]
        assert "unsafe-inline" not in policy, policy
        Browser(self.demo.address).get(link, expected=410)

    def installer(self) -> None:
        """The practice installer is read by the host worker; its template becomes the wizard's draft."""
        folder = self.demo.data / "installers" / "practice"
        page = self.browser.get("/deployment/installer/")
        page = self.browser.submit(page, page.form("installer/folder/"), folder=str(folder))
        self.job(page)
        page = self.browser.get(page.url)
        assert "harbor.yml.tmpl" in page.text, page.shown()
        page = self.browser.submit(page, page.form("/draft/"))
        assert "/configuration/" in page.url, page.url

    def wizard(self) -> None:
        """The page of questions is answered; a bad hostname is refused where it was typed."""
        page = self.browser.get("/configuration/draft/first/")
        page = self.browser.submit(
            page, page.form("/first/answer/"), "review", expected=422, hostname="https://registry.example"
        )
        assert page.form("/first/answer/").fields["hostname"] == "https://registry.example"
        answers = {
            "hostname": "registry.example", "choose:tls": "nowhere", "http.port": str(free_port()),
            "harbor_admin_password": "Smoke-test-12345", "data_volume": str(self.demo.data / "volume"),
        }  # fmt: skip
        page = self.browser.submit(page, page.form("/first/answer/"), "review", **answers)
        assert "/review/" in page.url, f"The questions do not lead to the review:\n{page.shown()}"

    def review(self) -> None:
        """The review shows what changes, without the password; saving makes revision 1."""
        page = self.browser.get("/configuration/draft/review/")
        assert "registry.example" in page.text, page.shown()
        assert "Smoke-test-12345" not in page.body, "the review shows the password"
        page = self.browser.submit(page, page.form("/review/save/"))
        assert re.search(r"/configuration/revisions/\d+/", page.url), f"not saved:\n{page.shown()}"
        assert "Smoke-test-12345" not in page.body, "the revision shows the password"

    def sign(self) -> None:
        """Registry, project, repository, artifact, then one click."""
        repository, tag, _ = TO_SIGN
        page = self.browser.get("/registry/")
        page = self.browser.get(self._registry(page))
        page = self.browser.get(page.link(f"/project/{repository.split('/')[0]}/"))
        page = self.browser.get(page.link(f"/repository/{repository}/"))
        digest = self._digest(repository, tag)
        page = self.browser.get(page.link(f"/artifact/{repository}/{digest}/"))
        self.artifact = page
        log = self.job(self.browser.submit(page, page.form("/keys/sign/")))
        assert digest in log, f"the log does not name {digest}:\n{log}"

    def verify(self) -> None:
        """cosign, run by the product, agrees."""
        assert self.artifact is not None, "nothing was signed"
        page = self.browser.get(self.artifact.url)
        log = self.job(self.browser.submit(page, page.form("/keys/verify/")))
        assert self._digest(TO_SIGN.repository, TO_SIGN.tag) in log, log

    def sweep(self) -> None:
        """The first sweep, which the demo asked for, has ended; another one judges everything anew."""
        page = self.browser.get("/audit/")
        deadline = time.monotonic() + JOB_SECONDS
        while re.search(r'id="sweep"[^>]*>\s*<section', page.body) and time.monotonic() < deadline:
            time.sleep(0.5)
            page = self.browser.get("/audit/")
        before = self._last_job()
        page = self.browser.submit(page, page.form("/audit/sweep/"))
        found = re.search(r"/jobs/(\d+)/", page.body)
        if found is not None and int(found[1]) > before:
            self.job(page)
        else:  # it had ended before the page was drawn
            self.job(self.browser.get(f"/jobs/{self._last_job()}/"))

    def audit(self) -> None:
        """The audit page counts the verdicts and links to the evidence."""
        page = self.browser.get("/audit/?verdict=all")
        for repository, tag, _ in SAMPLES:
            assert repository in page.text, f"{repository}:{tag} is not on the audit page:\n{page.shown(4000)}"
        self.browser.get(page.link("/audit/export.json"))

    def policy(self) -> None:
        """A rule that asks for no signature is tried out: its impact is told, and nothing is saved."""
        page = self.browser.get("/audit/policy/?suggest=platform")
        form = next(one for one in page.forms if re.fullmatch(r"/audit/policy/\d+/", one.action))
        page = self.browser.submit(page, form, "do")
        assert re.search(r"no findings? any more", page.text) and "Nothing is saved yet" in page.text, page.shown()

    def sign_many(self) -> None:
        """Unsigned images are previewed digest by digest; what is there already is said, and nothing is signed."""
        page = self.browser.get("/audit/sign/?verdict=trusted")
        form = next(one for one in page.forms if one.action.startswith("/audit/sign/"))
        page = self.browser.submit(page, form, which="all")
        self.job(page)
        page = self.browser.get(page.url)
        assert "Already signed by this key" in page.text and "Nothing is signed yet" in page.text, page.shown()

    def contract(self) -> None:
        """The Harbor double says in its log when an answer broke the contract of the real one."""
        log = self.demo.children.tail("harbor", 40)
        assert "contract" not in log, log
        assert "Traceback" not in log, log

    def verdicts(self) -> list[dict[str, Any]]:
        """What the product says of every artifact: its own JSON export."""
        rows: list[dict[str, Any]] = json.loads(self.browser.get("/audit/export.json?verdict=all").body)
        return rows

    def _registry(self, page: Page) -> str:
        for link in page.links:
            if re.fullmatch(r"/registry/\d+/", link):
                return link
        raise Astray(f"{page.url} lists no registry:\n{page.shown()}")

    def _digest(self, repository: str, tag: str) -> str:
        """The digest as the registry itself says it."""
        answer = self.browser.session.get(
            f"{self.demo.registry}/v2/{repository}/manifests/{tag}",
            headers={"Accept": "application/vnd.oci.image.manifest.v1+json"}, timeout=10,
        )  # fmt: skip
        answer.raise_for_status()
        return answer.headers["Docker-Content-Digest"]

    def _last_job(self) -> int:
        return max((int(n) for n in re.findall(r"/jobs/(\d+)/", self.browser.get("/jobs/").body)), default=0)

    def judge(self) -> None:
        """Print the product's verdict on every sample and compare it with what it must be."""
        rows: list[dict[str, Any]] = []
        self.step("the verdicts are exported", lambda: rows.extend(self.verdicts()))
        for repository, tag, expected in SAMPLES:
            wanted = "trusted" if (repository, tag) == TO_SIGN[:2] else expected
            found = [row["verdict"] for row in rows if row["repository"] == repository and tag in row["tags"]]
            print(f"verdict {repository}:{tag} {found[0] if found else 'missing'}", flush=True)
            self.step(f"{repository}:{tag} is {wanted}", lambda f=found, w=wanted: _same(f, [w]))  # type: ignore[misc]
        repository, _, expected = CHILD
        untagged = [row["verdict"] for row in rows if row["repository"] == repository and not row["tags"]]
        self.step("the index's child without a tag is there", lambda: _same(untagged, [expected]))


def _same(found: list[str], wanted: list[str]) -> None:
    assert found == wanted, f"the product says {found or 'nothing'}"


def main() -> int:
    """Start a demo of its own, walk, judge, stop it; the last line is `N passed, N failed`, unless a signal comes."""
    os.environ.pop("PYTHONPATH", None)
    stop_on_signals()
    passed = failed = 0
    try:
        harbor = options(sys.argv[1:]).harbor
        with (
            tempfile.TemporaryDirectory(prefix="harborweb-smoke-") as folder,
            Demo(Path(folder), free_port(), harbor) as demo,
        ):
            walk = Walk(demo)
            steps = {
                "sign in by the one-time link": walk.sign_in,
                "the installer is read and gives a draft": walk.installer,
                "the wizard is answered": walk.wizard,
                "the review is saved as a revision": walk.review,
                "one image is signed": walk.sign,
                "cosign verifies it": walk.verify,
                "a sweep runs": walk.sweep,
                "the audit page shows it": walk.audit,
                "a policy says what it would change": walk.policy,
                "many images are previewed before they are signed": walk.sign_many,
            }
            if harbor:
                steps["the Harbor double kept to Harbor's contract"] = walk.contract
            for name, work in steps.items():
                walk.step(name, work)
            walk.judge()
            passed, failed = walk.passed, walk.failed
    except Stop as signal:
        say(f"Stopped ({signal}).")
        return 130
    except Exception as error:  # the last line is promised
        say(f"bin/demo --smoke: {type(error).__name__}: {error}")
        failed += 1
    print(f"{passed} passed, {failed} failed", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
