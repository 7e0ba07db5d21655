"""What can go wrong between us and a registry, each with its own sentence.

`kind` is for code that must tell failures apart; only `NotFound` means that a real registry said
"there is no such thing". Everything else means "could not check", never "not there".
"""

import json

from django.utils.translation import gettext as _

from harborweb.errors import Problem

SHOWN_CHARACTERS = 200


class RegistryError(Problem):
    """A registry could not be asked, or its answer could not be believed.

    `kind` is one of: unreachable, tls, timeout, unauthorized, forbidden, throttled, server,
    not_a_registry, too_large, mismatch, redirects, http_refused, invalid (a name or address of ours
    that no registry accepts, or a value that Harbor refuses), conflict (there is one already), in_use,
    unsure (a write that may have been done), not_found (only in `NotFound`). `status` is the HTTP status,
    0 without one. `sent` says that the request had reached the other side, so that what it asks for may
    have been done; `passing` that the same question may get an answer a moment later.
    """

    def __init__(
        self, kind: str, message: str, advice: str = "", *, field: str = "", status: int = 0, sent: bool = False,
        passing: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(message, advice, field=field)
        self.kind = kind
        self.status = status
        self.sent = sent
        self.passing = passing


class NotFound(RegistryError):
    """A real registry said, in the error format of the distribution specification, that this is not there."""

    def __init__(self, message: str, advice: str = "", *, status: int = 404) -> None:
        super().__init__("not_found", message, advice, status=status)


def said(body: bytes) -> list[dict[str, str]]:
    """The errors in an answer of the distribution specification's error format; empty when it is none."""
    try:
        errors = json.loads(body.decode())["errors"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    if not isinstance(errors, list):
        return []
    return [
        {"code": str(one["code"]), "message": plain(str(one.get("message") or ""))}
        for one in errors
        if isinstance(one, dict) and isinstance(one.get("code"), str)
    ]


def plain(text: str) -> str:
    """A stranger's text fit for one of our sentences: one line, printable, short."""
    line = "".join(c if c.isprintable() else " " for c in text[: SHOWN_CHARACTERS * 2])
    line = " ".join(line.split())
    return line if len(line) <= SHOWN_CHARACTERS else line[: SHOWN_CHARACTERS - 1] + "…"


def http_refused(address: str) -> RegistryError:
    """Plain http where nobody allowed it."""
    return RegistryError(
        "http_refused",
        _("%(address)s would be asked over plain http, which anybody on the way can read and change.")
        % {"address": plain(address)},
        _("Use https, or allow plain http for this registry by name."),
        field="allow_http",
    )


def unreachable(host: str, why: str) -> RegistryError:
    """No connection."""
    return RegistryError(
        "unreachable",
        _("%(host)s does not answer: %(why)s.") % {"host": host, "why": plain(why).rstrip(".")},
        _("Check the address and port, and that the registry runs and can be reached from this machine."),
        field="url",
    )


def broken_off(host: str, why: str) -> RegistryError:
    """The connection or the answer ended before its end."""
    return RegistryError(
        "server",
        _("%(host)s broke off its answer: %(why)s.") % {"host": host, "why": plain(why).rstrip(".")},
        _("Try again; if it happens again, look at the registry's log and at the proxy before it."),
        sent=True,
        passing=True,
    )


def timeout(host: str, seconds: float, *, sent: bool = True) -> RegistryError:
    """An answer that did not end in time; not `sent` where not even a connection came about."""
    return RegistryError(
        "timeout",
        _("%(host)s did not finish its answer within %(seconds)g s.") % {"host": host, "seconds": seconds},
        _("Check that the registry is not overloaded, and that no firewall swallows the connection."),
        sent=sent,
        passing=True,
    )


def untrusted(host: str, why: str) -> RegistryError:
    """A certificate that does not verify."""
    return RegistryError(
        "tls",
        _("The certificate of %(host)s is not trusted: %(why)s.") % {"host": host, "why": plain(why).rstrip(".")},
        _("If the registry uses a CA of your own, paste that CA's certificate (PEM) into this registry's settings."),
        field="ca_pem",
    )


def no_tls(host: str, why: str) -> RegistryError:
    """A TLS handshake that failed for another reason than trust."""
    return RegistryError(
        "tls",
        _("%(host)s does not speak TLS as https needs it: %(why)s.") % {"host": host, "why": plain(why).rstrip(".")},
        _("If this port serves plain http, write http:// and allow it by name; otherwise check the port."),
        field="url",
    )


def not_a_registry(host: str, why: str, status: int = 0) -> RegistryError:
    """Something answers, but not a registry."""
    return RegistryError(
        "not_a_registry",
        _("What answers at %(host)s is not a registry: %(why)s.") % {"host": host, "why": plain(why).rstrip(".")},
        _("Check the address: it is the registry's own, without a path, and no proxy's or web page's."),
        field="url",
        status=status,
        sent=True,
    )


def too_large(host: str, limit: int) -> RegistryError:
    """More bytes than we are willing to read."""
    return RegistryError(
        "too_large",
        _("%(host)s sent more than the %(limit)d bytes that this may have.") % {"host": host, "limit": limit},
        _("Nothing of it was used. A registry's answers are far smaller; look at what it stores there."),
        sent=True,
    )


def odd(host: str, why: str, status: int = 0) -> RegistryError:
    """An answer that no registry should give."""
    return RegistryError(
        "server",
        _("%(host)s gave an answer that cannot be used: %(why)s.") % {"host": host, "why": plain(why).rstrip(".")},
        _("Look at the registry's log and at the proxy before it."),
        status=status,
        sent=True,
    )


def mismatch(host: str, asked: str, got: str) -> RegistryError:
    """Bytes that do not hash to their name."""
    return RegistryError(
        "mismatch",
        _("%(host)s sent bytes with the digest %(got)s where %(asked)s was due.")
        % {"host": host, "got": got, "asked": plain(asked)},
        _("Nothing of it was used. The registry's storage or a proxy before it changes content: find out which."),
    )


def refused(host: str, username: str, scheme: str, what: str) -> RegistryError:
    """401 after everything we could show; `scheme` is what the registry had asked for."""
    if not username:
        return RegistryError(
            "unauthorized",
            _("%(host)s asks for a sign-in before it shows %(what)s.") % {"host": host, "what": what},
            _("Enter a user name and password for this registry; a robot account is enough."),
            field="username",
            status=401,
        )
    if scheme == "bearer":
        return RegistryError(
            "forbidden",
            _("%(host)s does not let %(user)s see or change %(what)s.")
            % {"host": host, "user": username, "what": what},
            _("Check the password (Harbor treats a wrong one as nobody) and what this user may do there."),
            field="password",
            status=401,
        )
    return wrong_password(host, username)


def wrong_password(host: str, username: str, status: int = 401) -> RegistryError:
    """Credentials that the registry does not know."""
    return RegistryError(
        "unauthorized",
        _("%(host)s refused the user name %(user)s with this password.") % {"host": host, "user": username},
        _("Type both again. Harbor refuses even the right password for a moment after a wrong one."),
        field="password",
        status=status,
    )


def from_status(host: str, status: int, body: bytes, what: str) -> RegistryError:
    """The failure behind an HTTP status that is not a success (401 has `refused`).

    A 404 is `NotFound` as the specification has it: without a body, or with a JSON list of errors with a code
    such as MANIFEST_UNKNOWN, NAME_UNKNOWN or NOT_FOUND. A proxy's page with status 404 proves nothing.
    """
    errors = said(body)
    why = "; ".join(f"{one['code']} {one['message']}".strip() for one in errors) or _("no reason given")
    values = {"host": host, "status": status, "what": what, "why": plain(why)}
    unknown = any(one["code"].endswith("_UNKNOWN") or "NOT_FOUND" in one["code"] for one in errors)
    if status == 404 and (unknown or not body.strip()):
        return NotFound(
            _("%(what)s is not in the registry %(host)s (any more).") % values,
            _("It may have been deleted or renamed; go back to the list and look again."),
        )
    if status == 404 and not errors:
        return not_a_registry(host, _("it answered 404 for %(what)s with a page of its own") % values, status)
    if status == 403:
        return RegistryError(
            "forbidden",
            _("%(host)s answered 403 for %(what)s: %(why)s.") % values,
            _("Check what this registry's user may do there."),
            status=status,
        )
    if status == 429:
        return RegistryError(
            "throttled",
            _("%(host)s answered 429: it was asked too often.") % values,
            _("Wait some minutes, or sign in to this registry if it limits anonymous visitors."),
            status=status,
        )
    return RegistryError(
        "server",
        _("%(host)s answered %(status)d for %(what)s: %(why)s.") % values,
        _("Look at the registry's log and at the proxy before it, then try again."),
        status=status,
    )


def from_harbor(host: str, username: str, status: int, body: bytes, what: str) -> RegistryError:
    """The failure behind an answer of Harbor's own API: 401 is a wrong password or nobody signed in."""
    if status == 401 and not username:
        return refused(host, "", "basic", what)
    if status == 401:
        error = wrong_password(host, username)
        error.advice += " " + _(
            "Where people sign in to Harbor by OIDC, a CLI secret opens lists and images only: make robots, or use one."
        )
        return error
    words = plain("; ".join(one["message"] or one["code"] for one in said(body))).rstrip(".")
    values = {"host": host, "what": what, "why": words, "user": username or _("everybody")}
    if status == 403 and words:
        return RegistryError(
            "forbidden",
            _("%(host)s does not let %(user)s do this with %(what)s: %(why)s.") % values,
            _("Give this account the right in Harbor, or use one that has it; the registry’s page lists them."),
            status=status,
        )
    kinds = {400: "invalid", 409: "conflict", 412: "in_use", 422: "invalid"}
    if status in kinds and words:
        return RegistryError(
            kinds[status],
            _("Harbor at %(host)s refused %(what)s: %(why)s.") % values,
            _("Choose another name, or use what is there.")
            if status == 409
            else _("Nothing was changed. Correct what it says, then try again."),
            status=status,
        )
    return from_status(host, status, body, what)


def unsure(host: str, what: str, why: str, look: str) -> RegistryError:
    """A write that was sent and whose answer never came: done or not, nobody here knows, so it is not sent again."""
    return RegistryError(
        "unsure",
        _("It is not known whether %(host)s has done this: %(what)s. %(why)s")
        % {"host": host, "what": what, "why": why},
        _("It may have been done, so it was not sent again. %s") % look,
        sent=True,
    )
