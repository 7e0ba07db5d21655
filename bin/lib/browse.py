"""A browser without JavaScript: cookies, links, and forms with everything they hold."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

JOB_SECONDS = 180
ASKS = re.compile(r'hx-get="(/jobs/\d+/rows/[^"]+)"')


class Astray(Exception):
    """A page is not what it should be; the text names the page and says what it showed."""


@dataclass
class Form:
    """A form as it stands on a page: its fields with their present values, and its buttons' names and values."""

    action: str
    method: str
    name: str = ""  # its id
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    """Collects the forms, links and words of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.text: list[str] = []
        self._form: Form | None = None
        self._area = self._select = ""
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        a = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in a:
            self.links.append(a["href"])
        elif tag in {"script", "style", "title"}:
            self._silent += 1
        elif tag == "form":
            self._form = Form(a.get("action", ""), a.get("method", "get").lower(), a.get("id", ""))
            self.forms.append(self._form)
        elif "disabled" not in a:
            # A control may stand outside of its form and name it.
            form = next((one for one in self.forms if a.get("form", "") == one.name != ""), self._form)
            if form is not None:
                self._control(form, tag, a)

    def _control(self, form: Form, tag: str, a: dict[str, str]) -> None:
        name, kind = a.get("name", ""), a.get("type", "")
        if tag == "option":
            if self._select and (self._select not in form.fields or "selected" in a):
                form.fields[self._select] = a.get("value", "")
        elif tag == "select":
            self._select = name
        elif tag == "textarea":
            self._area = name
            form.fields[name] = ""
        elif tag == "button" or kind == "submit":
            if name:
                form.buttons[name] = a.get("value", "")
        elif tag == "input" and name and kind != "file" and (kind not in {"checkbox", "radio"} or "checked" in a):
            form.fields[name] = a.get("value", "on" if kind in {"checkbox", "radio"} else "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea":
            self._area = ""
        elif tag == "select":
            self._select = ""
        elif tag in {"script", "style", "title"}:
            self._silent -= 1

    def handle_data(self, data: str) -> None:
        if self._area and self._form is not None:
            self._form.fields[self._area] += data.removeprefix("\n") if not self._form.fields[self._area] else data
        elif not self._silent and data.strip():
            self.text.append(" ".join(data.split()))


class Page:
    """One answer, read."""

    def __init__(self, answer: requests.Response) -> None:
        self.url, self.status, self.body, self.headers = answer.url, answer.status_code, answer.text, answer.headers
        reader = _Reader()
        reader.feed(answer.text if "html" in answer.headers.get("Content-Type", "") else "")
        self.forms, self.links, self.text = reader.forms, reader.links, "\n".join(reader.text)

    def form(self, action: str) -> Form:
        """The first form whose action has `action` in it."""
        for form in self.forms:
            if action in (form.action or self.url):
                return form
        raise Astray(f"{self.url} has no form for {action}. It says:\n{self.shown()}")

    def link(self, part: str) -> str:
        """The first link with `part` in its address."""
        for link in self.links:
            if part in link:
                return urljoin(self.url, link)
        raise Astray(f"{self.url} has no link to {part}. It says:\n{self.shown()}")

    def shown(self, limit: int = 1500) -> str:
        """What a reader sees of the page, shortened."""
        text = self.text or self.body
        return "\n".join(f"    {line}" for line in text[:limit].splitlines())


class Browser:
    """Goes from page to page of one site; a status other than 2xx is an error unless it is expected."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.session = requests.Session()
        self.session.trust_env = False  # loopback needs no proxy

    def get(self, url: str, expected: int = 200) -> Page:
        """Open an address of the site."""
        return self._page(self.session.get(urljoin(self.address, url), timeout=30), expected)

    def submit(self, page: Page, form: Form, button: str = "", expected: int = 200, **typed: str) -> Page:
        """Send a form with `typed` over what stands in it, by pressing the button of that name where it has several."""
        unknown = set(typed) - set(form.fields)
        if unknown:
            raise Astray(f"The form {form.action} of {page.url} has no {', '.join(sorted(unknown))}.")
        values = form.fields | typed
        if button:
            values[button] = form.buttons[button]
        url = urljoin(page.url, form.action or page.url)
        if urlsplit(url).netloc != urlsplit(self.address).netloc:
            raise Astray(f"A form of {page.url} leads to another site: {url}")
        headers = {"Referer": page.url, "Origin": self.address}
        return self._page(self.session.request(form.method, url, data=values, headers=headers, timeout=60), expected)

    def _page(self, answer: requests.Response, expected: int) -> Page:
        page = Page(answer)
        if page.status != expected:
            raise Astray(f"{answer.request.method} {page.url} answered {page.status}:\n{page.shown()}")
        return page


def watch_job(browser: Browser, page: Page, alive: Callable[[], None] = lambda: None) -> str:
    """Watch the job that `page` shows until it settles, asking as its own page does; its log.

    Raises Astray when it did not succeed; `alive` may raise when waiting has become pointless.
    """
    found = re.search(r"/jobs/(\d+)/", page.body)
    if found is None:
        raise Astray(f"{page.url} shows no job. It says:\n{page.shown()}")
    path = f"/jobs/{found[1]}/"
    deadline = time.monotonic() + JOB_SECONDS
    ask = ASKS.search(browser.get(path).body)
    while ask is not None:  # the page stops asking when the job has settled
        if time.monotonic() > deadline:
            raise Astray(f"The job {path} goes on after {JOB_SECONDS} s:\n{browser.get(path).shown(4000)}")
        alive()
        time.sleep(0.3)
        ask = ASKS.search(browser.get(unescape(ask[1])).body)
    shown = browser.get(path)
    pill = re.search(rf'id="job-{found[1]}-pill".*?</span>\s*</span>', shown.body, re.DOTALL)
    if "Succeeded" not in (pill[0] if pill else shown.text):
        raise Astray(f"The job {path} did not succeed:\n{shown.shown(4000)}")
    return browser.get(f"{path}log/").body
