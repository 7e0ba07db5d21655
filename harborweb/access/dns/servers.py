"""DNS servers that read files: dnsmasq, Unbound, BIND (as a zone, as a response policy), CoreDNS."""

import enum

from django.utils.translation import gettext_lazy as _

from harborweb.access.dns.answer import Answer
from harborweb.access.recipes.shape import Draft, Piece, Recipe, Step, indented, piece, to


class For(enum.StrEnum):
    """What a line is for."""

    RECORD = "record"  # the name and its addresses
    ONLY = "only"  # nothing about this name comes from elsewhere
    TTL = "ttl"
    ZONE = "zone"  # which names are meant
    REST = "rest"  # all other names
    REBIND = "rebind"


ZONE_FOLDER = "/etc/bind"
POLICY = "rpz.harbor"
LOOPBACK = "127.0.0.1"


def ask(answer: Answer, server: str = LOOPBACK) -> Step:
    """The last step of each: look at the answer."""
    words = _("Ask it. The answer has to be these addresses and no other.")
    if server != LOOPBACK:
        words = _("Ask it, with its own address behind the @. The answer has to be these addresses and no other.")
    return Step(
        words,
        "\n".join(f"dig +noall +answer @{server} {answer.name} {kind}" for kind in ("A", "AAAA")),
        _("On any machine of the LAN") if server != LOOPBACK else "",
    )


def dnsmasq(answer: Answer) -> Recipe:
    """A file of its own in dnsmasq's folder."""
    where = "/etc/dnsmasq.d/harbor.conf"
    lines: list[str | Draft] = [
        f"# {answer.name} inside this network",
        to(f"host-record={','.join([answer.name, *answer.addresses, str(answer.ttl)])}", For.RECORD, For.TTL),
        to(local(answer), For.ONLY),
    ]
    return Recipe(
        "dnsmasq", "dnsmasq", (piece(where, lines),),
        (
            Step(_("Write the text into a file of its own.")),
            Step(_("Let dnsmasq read all its files."), "dnsmasq --test"),
            Step(_("Restart it: it does not read such a file again on reload."), "systemctl restart dnsmasq"),
            ask(answer),
        ),
        check="dnsmasq --test",
        notes=(
            _("OpenWrt writes dnsmasq’s files itself: there, put the lines into /etc/dnsmasq.conf, or into "
              "Network, DHCP and DNS, Hostnames."),
        ),
    )  # fmt: skip


def local(answer: Answer) -> str:
    """dnsmasq's way to say: never ask anybody else about this name."""
    return f"local=/{answer.name}/"


def unbound(answer: Answer) -> Recipe:
    """Local data; transparent: this one name, all its types, and nothing else."""
    where = "/etc/unbound/unbound.conf.d/harbor.conf"
    lines: list[str | Draft] = [
        f"# {answer.name} inside this network",
        "server:",
        to(f'    local-zone: "{answer.name}." transparent', For.ZONE, For.ONLY),
        *(
            to(f'    local-data: "{answer.name}. {answer.ttl} IN {kind} {address}"', For.RECORD, For.TTL)
            for kind, address in answer.records
        ),
        to(f'    private-domain: "{answer.name}."', For.REBIND),
    ]
    return Recipe(
        "unbound", "Unbound", (piece(where, lines),),
        (
            Step(_("Write the text into a file of its own.")),
            Step(_("Let Unbound read all its files."), "unbound-checkconf"),
            Step(_("Take it up."), "systemctl reload unbound"),
            ask(answer),
        ),
        check="unbound-checkconf",
        notes=(_("pfSense and OPNsense run Unbound: there it is Services, Unbound DNS, Host overrides."),),
    )  # fmt: skip


def bind(answer: Answer) -> Recipe:
    """A zone for this one name."""
    file = f"{ZONE_FOLDER}/db.{answer.name}"
    named: list[str | Draft] = [
        to(f'zone "{answer.name}" {{', For.ZONE, For.ONLY),
        "    type master;",
        f'    file "{file}";',
        "};",
    ]
    return Recipe(
        "bind", _("BIND, zone"), (piece(f"{ZONE_FOLDER}/named.conf.local", named), piece(file, _zone_of(answer))),
        (
            Step(_("Add the first text to what named.conf.local has, and write the second into a file of its own.")),
            Step(_("Let BIND’s own checkers read both."), f"named-checkconf\nnamed-checkzone {answer.name} {file}"),
            Step(_("Take it up."), "rndc reload"),
            ask(answer),
        ),
        check=f"named-checkconf\nnamed-checkzone {answer.name} {file}",
        notes=(
            _("The zone is the name itself, not its domain: other names of the domain go on being asked for outside. "
              "With every later change, raise the first number in SOA by one."),
        ),
    )  # fmt: skip


def _zone_of(answer: Answer) -> list[str | Draft]:
    return [
        to(f"$TTL {answer.ttl}", For.TTL),
        f"@ IN SOA localhost. hostmaster.{answer.name}. 1 3600 600 604800 {answer.ttl}",
        "@ IN NS localhost.",
        *(to(f"@ IN {kind} {address}", For.RECORD) for kind, address in answer.records),
    ]


def bind_policy(answer: Answer) -> Recipe:
    """A response policy zone: BIND answers so whatever the name's own zone says."""
    file = f"{ZONE_FOLDER}/db.{POLICY}"
    options: list[str | Draft] = [
        to("response-policy {", For.ONLY),
        to(f'    zone "{POLICY}" max-policy-ttl {answer.ttl};', For.TTL),
        to("} qname-wait-recurse no break-dnssec yes;", For.ONLY),
    ]
    named: list[str | Draft] = [
        f'zone "{POLICY}" {{',
        "    type master;",
        f'    file "{file}";',
        "    allow-query { none; };",
        "};",
    ]
    zone: list[str | Draft] = [
        to(f"$TTL {answer.ttl}", For.TTL),
        f"@ IN SOA localhost. hostmaster.localhost. 1 3600 600 604800 {answer.ttl}",
        "@ IN NS localhost.",
        *(to(f"{answer.name} IN {kind} {address}", For.RECORD, For.ZONE) for kind, address in answer.records),
    ]
    check = f"named-checkconf\nnamed-checkzone {POLICY} {file}"
    return Recipe(
        "bind-policy", _("BIND, response policy"),
        (
            piece(_("inside options { } of /etc/bind/named.conf.options"), options),
            piece(f"{ZONE_FOLDER}/named.conf.local", named), piece(file, zone),
        ),
        (
            Step(_("Put the first text into the options, add the second to named.conf.local, and write the third into "
                   "a file of its own.")),
            Step(_("Let BIND’s own checkers read all."), check),
            Step(_("Take it up."), "rndc reload"),
            ask(answer),
        ),
        check=check,
        notes=(
            _("For a BIND that answers for the whole LAN and has such rules already: names are lines of one zone. "
              "With every later change, raise the first number in SOA by one."),
        ),
    )  # fmt: skip


def coredns(answer: Answer) -> Recipe:
    """A server block of its own; the block for all other names stays as it is."""
    lines: list[str | Draft] = [
        to(f"{answer.name} {{", For.ZONE, For.ONLY),
        *indented(
            [
                "hosts {",
                *indented(
                    [
                        *(to(f"{address} {answer.name}", For.RECORD) for address in answer.addresses),
                        to(f"ttl {answer.ttl}", For.TTL),
                        "no_reverse",
                    ]
                ),
                "}",
                "errors",
            ]
        ),
        "}",
    ]
    return Recipe(
        "coredns", "CoreDNS", (_corefile(lines),),
        (
            Step(_("Add the block to the Corefile, above the block that begins with a dot.")),
            Step(
                _("CoreDNS has no command that checks. With the plugin reload it takes up a changed file within 45 s, "
                  "and stays with the old one when it cannot read the new one. Its log says so."),
                "journalctl -u coredns -n 20",
            ),
            ask(answer),
        ),
        notes=(
            _("In Kubernetes this helps pods, not pulls: kubelet and containerd pull images, and they ask the DNS "
              "server of their machine, not the cluster’s."),
        ),
    )  # fmt: skip


def _corefile(lines: list[str | Draft]) -> Piece:
    return piece("/etc/coredns/Corefile", lines)
