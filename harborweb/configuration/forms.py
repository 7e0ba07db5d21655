"""What a browser sends to the wizard, read."""

import re
import secrets
from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from harborweb.configuration import switches
from harborweb.configuration.answers import NOTHING
from harborweb.configuration.fields import BY_KEY, Field, Kind, of_section

USE = "use:"
CHOOSE = "choose:"


def version_of(post: QueryDict) -> int:
    """The version of the draft that the page showed; 0, which no draft has, when it is none."""
    value = post.get("version", "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0


def number_of(text: str) -> int | None:
    """A revision's number as a form sends it; None when it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def answers_of(post: QueryDict, name: str) -> dict[str, str]:
    """The answers to the questions of section `name`, as typed."""
    return answers_to(post, list(of_section(name)), [switch.name for switch in switches.of_section(name)])


def answers_to(post: QueryDict, fields: Sequence[Field], names: Sequence[str]) -> dict[str, str]:
    """The answers to these fields and choices, as typed; buttons that fill a field in come last."""
    answers = {name: str(post[CHOOSE + name]) for name in names if CHOOSE + name in post}
    for field in fields:
        if field.key not in post:
            continue
        # A list's boxes follow an empty value, so that none of them is an answer too.
        answers[field.key] = "\n".join(post.getlist(field.key)) if field.kind is Kind.LIST else str(post[field.key])
    for key in post:
        if key.startswith(USE) and key.removeprefix(USE) in BY_KEY:
            answers[key.removeprefix(USE)] = str(post[key])
    made, taken = BY_KEY.get(post.get("make", "")), BY_KEY.get(post.get("clear", ""))
    if made is not None and made.random:
        answers[made.key] = made_up()
    if taken is not None and taken.secret and taken.optional:
        answers[taken.key] = NOTHING
    return answers


def made_up() -> str:
    """A long random password that Harbor takes: with an upper-case letter, a lower-case letter and a digit."""
    while True:
        made = secrets.token_urlsafe(24)
        if made[0].isalnum() and re.search("[a-z]", made) and re.search("[A-Z]", made) and re.search("[0-9]", made):
            return made


def is_single(post: QueryDict) -> bool:
    """Whether a button was pressed that is about one answer, so that the others are not held against the page."""
    return any(key in post for key in ("undo", "make", "clear", "undo_section")) or any(
        key.startswith(USE) for key in post
    )


class ImportForm(forms.Form):
    """A harbor.yml or harbor.yml.tmpl, as a file or pasted."""

    file = forms.FileField(
        label=_("File"),
        required=False,
        help_text=_("A harbor.yml or harbor.yml.tmpl, 1 MB at most."),
        allow_empty_file=True,
    )
    text = forms.CharField(
        label=_("Or its text"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false", "autocomplete": "off"}),
        help_text=_("Everything stays as it is: comments, order, spacing."),
    )
    replace = forms.BooleanField(label=_("Replace the draft that is there"), required=False)

    def clean(self) -> dict[str, Any]:
        """Exactly one of file and text; a file must be UTF-8. The result is in `content`, its name in `origin`."""
        cleaned: dict[str, Any] = super().clean() or {}
        file, text = cleaned.get("file"), cleaned.get("text") or ""
        if file is None and not text.strip():
            raise forms.ValidationError(_("There is nothing to read. Choose a file or paste its text."))
        if file is not None:
            if file.size > 1024 * 1024:
                raise forms.ValidationError({"file": _("This file is larger than 1 MB. A harbor.yml has some 10 KB.")})
            try:
                text = file.read().decode()
            except UnicodeDecodeError:
                raise forms.ValidationError(
                    {"file": _("This file is no text in UTF-8. Choose a harbor.yml.")}
                ) from None
        # A browser sends every line end of a text area as CRLF; a file keeps its own.
        cleaned["content"] = text if file is not None else text.replace("\r\n", "\n")
        cleaned["origin"] = file.name if file is not None else str(_("pasted text"))
        return cleaned
