"""A message on its way: a signed webhook, a Slack-compatible one, an e-mail.

Webhooks are signed as the Standard Webhooks specification says (standardwebhooks.com): HMAC-SHA256 over
"id.timestamp.body", base64, in `webhook-signature` as "v1,…"; the secret is written "whsec_" and base64.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import smtplib
import socket
import ssl
from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

import aiohttp
from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.translation import gettext as _

from harborweb import sealing
from harborweb.audit.models import Channel
from harborweb.audit.notices.wording import Told
from harborweb.errors import Problem
from harborweb.registry import running
from harborweb.registry.errors import plain

SECONDS = 15
ANSWER_BYTES = 2000  # that are read of what the other side says
PURPOSE = "notice-channel"
PREFIX = "whsec_"


def new_secret() -> str:
    """A fresh secret for a webhook."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(secret: str, identity: str, timestamp: int, body: bytes) -> str:
    """What stands in `webhook-signature`."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{identity}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def send(channel: Channel, told: Told, identity: str, at: datetime) -> None:
    """Hand `told` to the other side; raises Problem with what it said. `identity` stays when it is sent again."""
    address = sealing.unseal(channel.address_sealed, PURPOSE).decode()
    if channel.kind == Channel.Kind.EMAIL:
        _mail(address.split(), told)
        return
    slack = channel.kind == Channel.Kind.SLACK
    body = json.dumps(told.as_slack() if slack else told.as_data(identity, at), ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "harborweb"}
    if not slack and channel.secret_sealed:
        stamp = int(at.timestamp())
        secret = sealing.unseal(channel.secret_sealed, PURPOSE).decode()
        headers |= {
            "webhook-id": identity, "webhook-timestamp": str(stamp),
            "webhook-signature": signature(secret, identity, stamp, body),
        }  # fmt: skip
    running.run(_post(address, body, headers, channel.ca_pem))


async def _post(address: str, body: bytes, headers: Mapping[str, str], ca_pem: str) -> None:
    """POST once: no redirect is followed, no proxy setting obeyed, no cookie kept."""
    host = urlsplit(address).hostname or ""
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        context = ssl.create_default_context()
        if ca_pem.strip():
            context.load_verify_locations(cadata=ca_pem)
        async with (
            aiohttp.ClientSession(
                timeout=timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(socket_factory=_socket),
            ) as session,  # fmt: skip
            session.post(address, data=body, headers=dict(headers), allow_redirects=False, ssl=context) as answer,
        ):
            said = await answer.content.read(ANSWER_BYTES)
            status = answer.status
    except TimeoutError as error:
        raise _unreached(host, _("it did not answer within %d seconds") % SECONDS) from error
    except (aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as error:
        raise _unreached(host, _why(error)) from error
    if not 200 <= status < 300:
        words = plain(_without(address, said.decode(errors="replace")))[:120]
        raise Problem(
            _("%(host)s answered %(status)d: %(words)s") % {"host": host, "status": status, "words": words or "-"},
            _("Look at the address, and at what the other side wants. The next message tells all of it again."),
        )


def _socket(found: aiohttp.AddrInfoType) -> socket.socket:
    """A socket to an address that a name has led to. In a house of one's own that may be any, but not a link-local one:
    at these no hook listens, and a cloud's machine is told its own credentials there."""
    family, kind, protocol, _name, address = found
    number = ip_address(str(address[0]).partition("%")[0])
    number = getattr(number, "ipv4_mapped", None) or number
    if number.is_link_local or number.is_multicast:
        raise OSError("an address that is not asked")
    return socket.socket(family, kind, protocol)


def _without(address: str, said: str) -> str:
    """What the other side said, without the path and the query that it was asked at: many a server says them again,
    and they are often the secret."""
    url = urlsplit(address)
    secret = {part for whole in (url.path, url.query) for part in (whole, unquote(whole), *whole.split("/"))}
    for part in sorted((one for one in secret if len(one) > 3), key=len, reverse=True):
        said = said.replace(part, "…")
    return said


def _why(error: Exception) -> str:
    """The system's words for why a connection failed. Those of the error itself may hold the address, whose path can
    be a secret, so where the system has none its kind has to do."""
    number = getattr(error, "errno", None)
    if isinstance(number, int) and number > 0 and not isinstance(error, (ssl.SSLError, aiohttp.ClientSSLError)):
        return os.strerror(number)
    return type(error).__name__


def _unreached(host: str, why: str) -> Problem:
    return Problem(
        _("%(host)s was not reached: %(why)s.") % {"host": host, "why": why},
        _("Try it from the worker’s machine. The next message tells all of it again."),
    )


def _mail(addresses: list[str], told: Told) -> None:
    if not settings.EMAIL_HOST:
        raise Problem(
            _("This worker knows no mail server."),
            _("Set HARBORWEB_EMAIL_HOST (and …_PORT, …_USER, …_PASSWORD_FILE, …_FROM) for it."),
        )
    message = EmailMessage(subject=" ".join(f"[harborweb] {told.title}".split()), body=told.as_text(), to=addresses)
    message.extra_headers["Auto-Submitted"] = "auto-generated"
    try:
        message.send()
    except (smtplib.SMTPException, OSError) as error:
        raise Problem(
            _("The mail server %(host)s did not take it: %(why)s.")
            % {"host": settings.EMAIL_HOST, "why": plain(str(error))[:200]},
            _("Look at the addresses and at the mail settings of the worker. The next message tells all of it again."),
        ) from error
