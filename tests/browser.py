"""A real Chromium for the tests marked `browser`.

from tests.browser import Watched, chromium, page, sign_in  # noqa: F401 - fixtures

@pytest.mark.browser
def test_it(page: Watched, live_server: Any, person: Any) -> None:
    sign_in(page, live_server, person(Role.VIEWER))
    page.goto(live_server.url + "/")
    page.look_well()
"""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests import parts

# Playwright's synchronous API keeps an event loop in this thread; Django's ORM is used beside it, not inside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
PATIENCE = 30_000  # milliseconds, for whatever has to appear: a machine with other things to do is slow
expect.set_options(timeout=PATIENCE)

WIDE, NARROW = (1440, 900), (390, 844)
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-default-apps", "--disable-extensions", "--disable-sync",
    "--no-first-run", "--no-default-browser-check", "--force-color-profile=srgb", "--hide-scrollbars",
]  # fmt: skip

BARRIERS = r"""() => {
  const found = [], seen = new Set();
  const all = (selector) => [...document.querySelectorAll(selector)];
  const box = (e) => e.getBoundingClientRect();
  const shown = (e) => e.checkVisibility({visibilityProperty: true}) && box(e).width > 1;
  const tell = (what, e) => found.push(`${what}: ${e.outerHTML.slice(0, 160)}`);
  const labelled = (e) => e.labels?.length || e.ariaLabel || e.getAttribute('aria-labelledby');
  const targets = (e) => ['aria-labelledby', 'aria-describedby']
    .flatMap(name => (e.getAttribute(name) || '').split(/\s+/)).filter(id => id);
  if (all('h1').length !== 1) found.push('not one h1');
  if (!document.documentElement.lang || !document.title.trim()) found.push('no language or title');
  all('[id]').forEach(e => { if (seen.has(e.id)) tell('id twice', e); seen.add(e.id); });
  all('input:not([type=hidden]), select, textarea').filter(e => shown(e) && !labelled(e))
    .forEach(e => tell('no label', e));
  all('a[href], button, summary').filter(shown).forEach(e => {
    if (!(e.textContent.trim() || e.ariaLabel || e.title)) tell('no name', e);
    const inText = getComputedStyle(e).display === 'inline';
    if (!inText && (box(e).height < 23.5 || box(e).width < 23.5)) tell('smaller than 24 px', e);
  });
  all('table th:not([scope])').forEach(e => tell('th without scope', e));
  all('img:not([alt])').forEach(e => tell('no alt', e));
  all('[aria-labelledby], [aria-describedby]')
    .filter(e => targets(e).some(id => !document.getElementById(id))).forEach(e => tell('points nowhere', e));
  return found;
}"""


class Watched:
    """A page that remembers what its console complained about; everything else is Playwright's `Page`."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self._note("error", str(error)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.page, name)

    def _note(self, kind: str, text: str) -> None:
        """Keep errors (CSP violations are among them), not Chromium's lines about answers of 4xx that tests provoke."""
        if kind == "error" and "Failed to load resource" not in text:
            self.complaints.append(text)

    def size(self, width: int, height: int, scheme: str = "light") -> None:
        """Look at the page as this window and colour scheme show it."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")

    def overflow(self) -> list[str]:
        """Elements that stick out at the right, empty when nothing scrolls sideways."""
        found: list[str] = self.page.evaluate(
            """() => {
              const root = document.documentElement;
              if (root.scrollWidth <= root.clientWidth) return [];
              return [...document.querySelectorAll('body *')]
                .filter(e => e.getBoundingClientRect().right > root.clientWidth + 1)
                .map(e => `${e.tagName}.${e.getAttribute('class')} ${(e.textContent || '').trim().slice(0, 40)}`)
                .slice(0, 5).concat(['page ' + root.scrollWidth + ' > ' + root.clientWidth]);
            }"""
        )
        return found

    def barriers(self) -> list[str]:
        """What stops people with a screen reader or a thumb: unnamed controls, doubled ids, tiny targets."""
        found: list[str] = self.page.evaluate(BARRIERS)
        return found

    def look_well(self) -> None:
        """Hold that the page fits its window and that its console is silent."""
        assert self.overflow() == [], f"{self.page.url} is wider than its window"
        assert self.complaints == [], f"{self.page.url} complains"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One Chromium for a module; not for the whole run, because Playwright's event loop would stay in this thread,
    where `async_to_sync` of later tests (and Playwright itself, in the next module) finds it and refuses.
    """
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        parts.missing("chromium is not installed; bin/test installs Debian's")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Watched]:
    """A fresh window of 1440 px, without cookies, that waits at most 30 s for anything."""
    context = chromium.new_context(viewport={"width": WIDE[0], "height": WIDE[1]}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    yield Watched(context.new_page())
    context.close()


def sign_in(page: Any, server: Any, user: Any) -> None:
    """Give the window a session of `user` at `server` (pytest-django's live_server, or a URL)."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    context: BrowserContext = page.context
    url = server if isinstance(server, str) else server.url
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session.session_key or "", "url": url}])
