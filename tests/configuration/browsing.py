"""A form as a browser without JavaScript would send it: what its inputs hold, and the button that is pressed."""

from html.parser import HTMLParser
from typing import Any


class Form(HTMLParser):
    """The controls of the form with this id, those outside it that name it included."""

    def __init__(self, page: str, form: str) -> None:
        super().__init__()
        self.wanted, self.inside = form, False
        self.values: list[tuple[str, str]] = []
        self.buttons: list[tuple[str, str]] = []
        self._area, self._select = "", ""
        self._text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given: dict[str, Any] = dict(attrs)
        if tag == "form":
            self.inside = given.get("id") == self.wanted
        if not (self.inside or given.get("form") == self.wanted) and tag != "option":
            return
        name = given.get("name", "")
        if tag == "button":
            self.buttons.append((name, given.get("value", "")))
        elif "disabled" in given:
            return
        elif tag == "input" and name:
            if given.get("type") in ("checkbox", "radio") and "checked" not in given:
                return
            self.values.append((name, given.get("value") or ""))
        elif tag == "textarea":
            self._area, self._text = name, ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in given:
            self.values.append((self._select, given.get("value") or ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        if tag == "select":
            self._select = ""
        if tag == "textarea" and self._area:
            self.values.append((self._area, self._text.removeprefix("\n").replace("\n", "\r\n")))
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self._text += data

    def data(self, *button: str, **changed: str | list[str]) -> dict[str, list[str]]:
        """What is sent when `button` is pressed (its name, and its value) after `changed` was typed."""
        sent: dict[str, list[str]] = {}
        for name, value in self.values:
            sent.setdefault(name, []).append(value)
        for name, typed in changed.items():
            sent[name] = [typed] if isinstance(typed, str) else typed
        if button:
            sent[button[0]] = [button[1] if len(button) > 1 else "1"]
        return sent
