"""Rules for the two addresses: the host name and the public address, and whether the latter agrees with TLS."""

import ipaddress
import re
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from harborweb.configuration.faults import Sheet
from harborweb.configuration.fields import Tls
from harborweb.configuration.text.document import Document

LONGEST = 253  # characters of a host name
NUMBERS = re.compile(r"[0-9.]+")  # looks like an IPv4 address; no name ends with a number
HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\.?")


def ends_at(document: Document) -> Tls:
    """Where TLS ends, as far as the text alone tells."""
    if document.keys("https"):
        return Tls.HARBOR
    url = document.get("external_url")
    return Tls.PROXY if isinstance(url, str) and url.lower().startswith("https://") else Tls.NOWHERE


def _hostname(sheet: Sheet) -> None:
    key = "hostname"
    if not sheet.needed(key):
        return
    value = sheet.get(key)
    if value is None or (isinstance(value, str) and not value.strip()):
        sheet.empty(key, _("The host name is empty."), _("Harbor would send everybody to http://None."))
    elif not isinstance(value, str):
        why = _("Harbor takes one name or IP address here.")
        sheet.error(key, _("The host name is no name."), why, _("Write the name that other machines use."))
    elif value.lower() == "reg.mydomain.com":
        sheet.error(
            key,
            _("The host name is still the template’s example."),
            _("prepare refuses reg.mydomain.com."),
            _("Write the name that other machines use."),
        )
    else:
        _host_in_words(sheet, key, value)


def _host_in_words(sheet: Sheet, key: str, value: str) -> None:
    host, scheme, port = _taken_apart(value)
    use = host if HOST.fullmatch(host) else ""
    if scheme:
        sheet.error(
            key,
            _("The host name starts with %(scheme)s://.") % {"scheme": scheme},
            _("Harbor puts the scheme in front itself, so every link would begin twice."),
            _("Write the name alone."),
            use=use,
        )
    elif "/" in value:
        sheet.error(
            key, _("There is a slash in the host name."), _("Harbor has no path."), _("Write the name alone."), use=use
        )
    elif port:
        why = _("The port has a field of its own; here it would be written twice.")
        sheet.error(key, _("There is a port in the host name."), why, _("Write the name alone."), use=use)
    elif not _is_address(value) and NUMBERS.fullmatch(value):
        why = _("It has four numbers from 0 to 255 with dots between them.")
        sheet.error(key, _("This is no IP address."), why, _("Look at it number by number."))
    elif not _is_address(value) and (not HOST.fullmatch(value) or len(value) > LONGEST):
        sheet.error(
            key,
            _("This is no host name."),
            _("A host name has letters, digits, hyphens and dots; no spaces and no underscores."),
            _("Write the name that other machines use, for example registry.example."),
        )
    elif _is_local(value):
        sheet.error(
            key,
            _("%(host)s means something else on every machine.") % {"host": value},
            _("Other machines, and Harbor’s own containers, would look for Harbor on themselves."),
            _("Write the name or IP address that other machines use."),
        )
    elif value.endswith("."):
        why = _("docker does not take a name with a dot at its end.")
        advice = _("Leave the last dot away.")
        sheet.warning(key, _("This name ends with a dot."), why, advice, use=value.rstrip("."))
    elif ":" in value and not value.startswith("[") and not sheet.get("external_url"):
        why = _("Harbor puts it into its addresses as it stands, and there an IPv6 address needs brackets.")
        advice = _("Write external_url as well, with the address in brackets.")
        sheet.warning(key, _("This IPv6 address has no brackets."), why, advice)
    elif "." not in value and not _is_address(value):
        sheet.warning(
            key,
            _("This name has no dot."),
            _("docker takes a first word without dot and port for a user on Docker Hub."),
            _("Use a name with a domain, or always write the port behind it."),
        )


def _taken_apart(value: str) -> tuple[str, str, str]:
    """Host, scheme and port of something typed as a host name."""
    if _is_address(value):
        return value, "", ""
    scheme, found, rest = value.partition("://")
    rest = rest if found else value
    host, _colon, port = rest.split("/", 1)[0].rpartition("@")[2].partition(":")
    return host.strip(), scheme.lower() if found else "", port


def _is_address(value: str) -> bool:
    bracketed = value.startswith("[") and value.endswith("]") and ":" in value
    try:
        ipaddress.ip_address(value[1:-1] if bracketed else value)
    except ValueError:
        return False
    return True


def _is_local(host: str) -> bool:
    bare = host.lower().rstrip(".")
    return bare == "localhost" or bare.endswith(".localhost") or (_is_address(bare) and _never_reached(bare))


def _never_reached(address: str) -> bool:
    found = ipaddress.ip_address(address.strip("[]"))
    return found.is_loopback or found.is_unspecified


def _external_url(sheet: Sheet) -> None:
    key = "external_url"
    value = sheet.get(key)
    tls = sheet.tls or ends_at(sheet.document)
    hostname = str(sheet.get("hostname") or "")
    if not value:
        if tls is Tls.PROXY:
            sheet.error(
                key,
                _("The public address is missing."),
                _("Behind a proxy Harbor has to know the address that people type, or docker asks the wrong place."),
                _("Write https:// and the name that your proxy answers for."),
                use=f"https://{hostname}" if HOST.fullmatch(hostname) and not _is_local(hostname) else "",
            )
        return
    if (whole := _whole_url(sheet, key, str(value))) is not None:
        _scheme_and_tls(sheet, key, whole, tls)
        _same_port(sheet, key, whole, hostname, tls)
        _other_port(sheet, key, whole)


def _whole_url(sheet: Sheet, key: str, value: str) -> str | None:
    """`value` when it is scheme, host and perhaps port; otherwise None, and the sheet says why."""
    advice = _("Write it as https://registry.example or https://registry.example:8443.")
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    good_host = _is_address(host) or bool(HOST.fullmatch(host) and not NUMBERS.fullmatch(host))
    shown = f"[{host}]" if ":" in host else host
    suffix = f":{port}" if port else ""
    use = f"{parts.scheme.lower()}://{shown}{suffix}" if good_host and parts.scheme in ("http", "https") else ""
    if (
        "://" not in value
        and HOST.fullmatch(value.split(":", maxsplit=1)[0].split("/", maxsplit=1)[0])
        and "." in value
    ):
        use = f"https://{value.split('/', maxsplit=1)[0]}"
        sheet.error(key, _("This address has no scheme."), _("Harbor needs http:// or https://."), advice, use=use)
    elif not use or parts.port == 0:
        sheet.error(key, _("This is no address."), _("docker would be sent to a place that is not there."), advice)
    elif host == "reg.mydomain.com":
        sheet.error(key, _("The public address is still the template’s example."), "", advice)
    elif _is_local(host):
        why = _("Other machines would look for Harbor on themselves.")
        sheet.error(key, _("%(host)s means something else on every machine.") % {"host": host}, why, advice)
    elif parts.path == "/" and not (parts.query or parts.fragment or parts.username is not None):
        why = _("Harbor puts its paths behind it, so its links would have two slashes.")
        sheet.warning(key, _("This address ends with a slash."), why, _("Leave the last slash away."), use=use)
        return use
    elif parts.path or parts.query or parts.fragment or parts.username is not None:
        why = _("Harbor answers at the root of a name only, and docker has no path in front of /v2/.")
        sheet.error(key, _("There is more than a name in this address."), why, advice, use=use)
    else:
        return use
    return None


def _other_port(sheet: Sheet, key: str, url: str) -> None:
    """http:// with the port of https, or the other way about."""
    parts = urlsplit(url)
    if (parts.scheme, parts.port) in {("http", 443), ("https", 80)} and not sheet.faulty(key):
        what = _("Port %(port)s is not the usual one for %(scheme)s://.") % {"port": parts.port, "scheme": parts.scheme}
        why = _("Port 443 usually answers https alone, and port 80 http.")
        sheet.warning(key, what, why, _("Look at scheme and port."))


def _scheme_and_tls(sheet: Sheet, key: str, url: str, tls: Tls) -> None:
    scheme, rest = url.split("://")
    if scheme == "http" and tls is not Tls.NOWHERE:
        what = (
            _("This address starts with http://, but TLS ends at your proxy.")
            if tls is Tls.PROXY
            else _("This address starts with http://, but HTTPS is on.")
        )
        sheet.error(
            key,
            what,
            _("docker would ask %(url)s/service/token for its token, with the password in plain text.") % {"url": url},
            _("Write the address that people type."),
            use=f"https://{rest}",
        )
    elif scheme == "https" and tls is Tls.NOWHERE and sheet.tls is Tls.NOWHERE:
        sheet.error(
            key,
            _("This address starts with https://, but TLS ends nowhere."),
            _("Nobody answers https at this address then, so docker gets no token."),
            _("Say where TLS ends, or write http://."),
            use=f"http://{rest}",
        )


def _same_port(sheet: Sheet, key: str, url: str, hostname: str, tls: Tls) -> None:
    """Without a proxy in front, the public address with Harbor's own name has Harbor's own port."""
    parts = urlsplit(url)
    if tls is not Tls.HARBOR or parts.scheme != "https" or parts.hostname != hostname.lower():
        return
    port = sheet.get("https.port")
    listens = 443 if port is None else port
    if str(parts.port or 443) != str(listens) and not sheet.faulty("https.port"):
        why = _("Harbor listens on %(port)s, so something in front has to send people there.") % {"port": listens}
        what = _("This address has another port than Harbor.")
        sheet.warning(key, what, why, _("Write Harbor’s port behind the name, or leave the public address empty."))


RULES = (_hostname, _external_url)
