"""The proxy that core, jobservice and trivy are to use: GET through http_proxy, CONNECT through https_proxy.

They ask for the very server that Trivy will fetch its database from, so a proxy that forbids it is found too.
"""

import base64
import http.client
import ssl
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from django.utils.translation import gettext as _

from harborweb.deployment.host.connections.asking import CONNECT, resolves, words
from harborweb.deployment.host.findings import Machine, Sheet

TARGET = "ghcr.io"  # facts: the template's trivy.db_repository


@dataclass(frozen=True)
class Proxy:
    """Where a proxy is; `shown` is its address without user and password."""

    tls: bool
    host: str
    port: int
    authorization: str

    @property
    def shown(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"


def http_proxy(machine: Machine, sheet: Sheet) -> None:
    """A GET through proxy.http_proxy."""
    _look(machine, sheet, "proxy.http_proxy", "GET")


def https_proxy(machine: Machine, sheet: Sheet) -> None:
    """A CONNECT through proxy.https_proxy."""
    _look(machine, sheet, "proxy.https_proxy", "CONNECT")


def parse(text: str) -> Proxy | None:
    """As Go's net/http takes it: without a scheme it is http; None for what is no address."""
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return None
    tls, authorization = parts.scheme == "https", ""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(pair.encode()).decode()
    return Proxy(tls, parts.hostname, port or (443 if tls else 80), authorization)


def target(machine: Machine) -> tuple[str, int]:
    """The server that Trivy's database comes from."""
    first = machine.word("trivy.db_repository").split("/")[0]
    parts = urlsplit(f"//{first}" if "." in first or ":" in first else f"//{TARGET}")
    try:
        return parts.hostname or TARGET, parts.port or 443
    except ValueError:
        return TARGET, 443


def _look(machine: Machine, sheet: Sheet, key: str, method: str) -> None:
    text = machine.word(key)
    if not text:
        return
    if not machine.document.items("proxy.components"):
        sheet.unknown(key, _("No component is told to use the proxy: not tried."))
        return
    proxy = parse(text)
    if proxy is None:
        sheet.warning(key, _("This is no address of an http proxy."), "", _("Write it as http://proxy.example:3128."))
        return
    if not resolves(machine, sheet, key, proxy.host):
        return
    wanted = target(machine)
    try:
        status, reason = _ask(proxy, method, *wanted)
    except (OSError, http.client.HTTPException) as error:
        said = {"proxy": proxy.shown, "said": words(getattr(error, "strerror", None) or error)}
        sheet.warning(
            key, _("The proxy %(proxy)s: %(said)s.") % said, _("Harbor’s components could reach nothing outside."),
            _("Look whether the proxy runs there and this machine may reach it."),
        )  # fmt: skip
        return
    _judge(sheet, key, method, status, {"proxy": proxy.shown, "status": f"{status} {reason}".strip(),
                                        "target": f"{wanted[0]}:{wanted[1]}"})  # fmt: skip


def _ask(proxy: Proxy, method: str, host: str, port: int) -> tuple[int, str]:
    """Status and words of the proxy's answer; raises OSError and HTTPException."""
    if proxy.tls:
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            proxy.host, proxy.port, timeout=CONNECT, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(proxy.host, proxy.port, timeout=CONNECT)
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    plain = place.removesuffix(":443").removesuffix(":80")
    headers = {"Host": place if method == "CONNECT" else plain, "User-Agent": "harborweb"}
    if proxy.authorization:
        headers["Proxy-Authorization"] = proxy.authorization
    try:
        connection.putrequest(
            method, place if method == "CONNECT" else f"http://{plain}/v2/", skip_host=True, skip_accept_encoding=True
        )
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.reason
    finally:
        connection.close()


def _judge(sheet: Sheet, key: str, method: str, status: int, said: dict[str, str]) -> None:
    said["method"] = method
    outside = _("Harbor’s components could not fetch scanner data or replicate through it.")
    if status == 407:
        sheet.warning(
            key, _("The proxy %(proxy)s answers %(status)s.") % said, _("It wants a user and a password, or others."),
            _("Write them into its address: http://user:password@proxy.example:3128, an @ in them as %40."),
        )  # fmt: skip
    elif method == "CONNECT" and not 200 <= status < 300:
        sheet.warning(
            key, _("The proxy %(proxy)s answers %(status)s to CONNECT %(target)s.") % said, outside,
            _("Allow that server and port in the proxy, or choose another proxy."),
        )  # fmt: skip
    elif status in {403, 405} or status >= 500:
        sheet.warning(
            key, _("The proxy %(proxy)s answers %(status)s to GET http://%(target)s.") % said, outside,
            _("Allow that server in the proxy, or look whether the proxy itself reaches it."),
        )  # fmt: skip
    elif status == 400:
        text = _("What answers at %(proxy)s (%(status)s) is no proxy for this request.") % said
        sheet.warning(key, text, outside, _("Look at host and port."))
    else:
        sheet.fine(key, _("The proxy %(proxy)s lets %(method)s to %(target)s through (%(status)s).") % said)
