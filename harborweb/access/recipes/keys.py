"""The keys of harbor.yml that go with a recipe: what each has to say, and what it says now."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from harborweb.access.recipes.front import Front
from harborweb.configuration.answers import TLS, State, shown
from harborweb.configuration.fields import BY_KEY, Tls
from harborweb.configuration.switches import BY_SWITCH

EXAMPLE = "reg.mydomain.com"


@dataclass(frozen=True)
class Key:
    """One answer of the wizard. `now` is what the draft (or the latest revision) says, `wanted` what the recipe needs.

    `before` is what it said when the draft began (empty: nothing); None where that is the same.
    """

    name: str
    shown_as: str
    section: str
    wanted: str
    now: str
    why: str
    before: str | None = None

    @property
    def said(self) -> bool:
        """Whether nothing is left to do."""
        return self.now == self.wanted


def wanted(front: Front, state: State) -> dict[str, str]:
    """The wizard's answers (key or choice → as typed) that go with a recipe for `front`."""
    port = "https.port" if front.to_https else "http.port"
    answers = {TLS: (Tls.HARBOR if front.to_https else Tls.PROXY).value, port: str(front.harbor_port)}
    if str(state.document.get("hostname") or "").strip() in ("", EXAMPLE):
        answers["hostname"] = front.name
    return {**answers, "external_url": front.url}


def keys(front: Front, state: State) -> list[Key]:
    """Every key that goes with a recipe for `front`, with what `state` says."""
    return [_key(name, answer, state, front) for name, answer in wanted(front, state).items()]


def _key(name: str, answer: str, state: State, front: Front) -> Key:
    if name == TLS:
        now, before = state.choice(TLS), state.first_choice(TLS)
        words = {choice.value: str(choice.title) for choice in BY_SWITCH[TLS].choices}
        return Key(
            name, _("the block https"), "https", words[answer], words[now], _why(name, front),
            words[before] if before != now else None,
        )  # fmt: skip
    field = BY_KEY[name]
    said, first = shown(state.now(field)) or shown(field.default), shown(state.before(field)) or shown(field.default)
    now = state.typed.get(name, said)
    if name == "https.port" and state.choice(TLS) != Tls.HARBOR.value:
        now = ""
    return Key(name, name, field.section, answer, now, _why(name, front), first if first != now else None)


def _why(name: str, front: Front) -> str:
    reasons = {
        TLS: (
            _("Harbor keeps its own certificate, and the proxy talks TLS to it.")
            if front.to_https
            else _("The proxy holds the certificate. With the block on, Harbor answers http with a way to https, and "
                   "proxy and Harbor send each other round.")
        ),
        "http.port": _("Where the proxy finds Harbor."),
        "https.port": _("Where the proxy finds Harbor."),
        "hostname": _("prepare stops without it. With external_url set, people are not sent there."),
        "external_url": _("What people type. Harbor writes it into its pages, and the token service has its scheme."),
    }  # fmt: skip
    return reasons[name]
