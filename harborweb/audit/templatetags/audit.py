"""What the audit's tables show of a row."""

from collections.abc import Mapping

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from harborweb.audit.models import Finding
from harborweb.audit.words import WORDS
from harborweb.signing.models import Key
from harborweb.verification.verdict import Verdict

register = template.Library()


@register.filter
def verdict_word(verdict: str) -> str:
    """The word of a verdict, translated."""
    return str(WORDS[Verdict(verdict)]) if verdict in set(Verdict) else verdict


@register.filter
def finding_shape(kind: str) -> str:
    """The shape beside a kind of finding: that of its verdict, where it has one."""
    return "warn" if kind == Finding.Kind.LACKING else kind


@register.simple_tag
def verdict_key(fingerprint: str, keys: Mapping[str, Key]) -> SafeString:
    """A link to the key with this fingerprint, its short form where it is in the keyring no more, or a dash."""
    if not fingerprint:
        return format_html('<span class="muted">{}</span>', "–")
    key = keys.get(fingerprint)
    if key is None:
        return format_html(
            '<code class="mono" title="{}">{}</code>', fingerprint, f"{fingerprint[:8]}…{fingerprint[-4:]}"
        )
    return format_html('<a href="{}">{}</a>', reverse("signing:key", args=[key.pk]), key.name)
