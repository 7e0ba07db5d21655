"""DNS servers with pages or a command line of their own, Pi-hole, AdGuard Home, RouterOS, and the hosts file."""

from django.utils.translation import gettext_lazy as _

from harborweb.access.dns.answer import Answer
from harborweb.access.dns.servers import For, ask, local
from harborweb.access.recipes.shape import Draft, Recipe, Step, indented, piece, to

TERMINAL = _("In the router’s terminal")
HERE = "192.168.0.1"  # stands for the server's address in commands that a person types elsewhere


def pi_hole(answer: Answer) -> Recipe:
    """Its page for people, and pihole.toml of Pi-hole 6 for those who write files."""
    form: list[str | Draft] = [
        line
        for address in answer.addresses
        for line in (to(f"Domain: {answer.name}", For.RECORD), to(f"IP: {address}", For.RECORD))
    ]
    hosts = [to(f'"{address} {answer.name}",', For.RECORD) for address in answer.addresses]
    toml: list[str | Draft] = [
        "[dns]",
        "  hosts = [",
        *indented(hosts),
        "  ]",
        "",
        "[misc]",
        "  dnsmasq_lines = [",
        to(f'    "{local(answer)}",', For.ONLY),
        "  ]",
    ]
    return Recipe(
        "pi-hole", "Pi-hole",
        (piece(_("Settings, Local DNS Records"), form), piece(_("/etc/pihole/pihole.toml, keys of Pi-hole 6"), toml)),
        (
            Step(_("Add a record for each address on the page.")),
            Step(_("Or merge the second text into pihole.toml: what its lists have already stays. Only this way "
                   "Pi-hole asks nobody else about the name.")),
            Step(_("Take it up. The page does that by itself."), "pihole reloaddns"),
            ask(answer),
        ),
        notes=(
            _("Pi-hole 5 has Local DNS, DNS Records, and keeps lines of dnsmasq in /etc/dnsmasq.d."),
            _("For how long clients keep these records is Pi-hole’s own choice: some seconds."),
        ),
    )  # fmt: skip


def adguard(answer: Answer) -> Recipe:
    """Its page for people, and AdGuardHome.yaml."""
    form: list[str | Draft] = [
        line
        for address in answer.addresses
        for line in (to(f"Domain: {answer.name}", For.RECORD), to(f"Answer: {address}", For.RECORD))
    ]
    rewrites: list[str | Draft] = [
        line
        for address in answer.addresses
        for line in (
            to(f"    - domain: {answer.name}", For.RECORD, For.ONLY),
            to(f'      answer: "{address}"', For.RECORD, For.ONLY),
            to("      enabled: true", For.RECORD, For.ONLY),
        )
    ]
    return Recipe(
        "adguard", "AdGuard Home",
        (piece(_("Filters, DNS rewrites"), form), piece("AdGuardHome.yaml", ["filtering:", "  rewrites:", *rewrites])),
        (
            Step(_("Add a rewrite for each address on the page; that counts at once.")),
            Step(_("Or stop AdGuard Home, merge the second text into its file, and start it: while it runs it writes "
                   "that file itself."), "AdGuardHome --check-config"),
            ask(answer),
        ),
        check="AdGuardHome --check-config",
        notes=(_("For how long clients keep the answer is one value for all rewrites: Settings, DNS settings, Blocked "
                 "response TTL."),),
    )  # fmt: skip


def routeros(answer: Answer) -> Recipe:
    """Commands for the terminal of a MikroTik router."""
    lines: list[str | Draft] = [
        *(
            to(
                f"/ip dns static add name={answer.name} type={kind} address={address} ttl={answer.ttl}s "
                "comment=Harbor",
                For.RECORD, For.TTL,
            )
            for kind, address in answer.records
        ),
        to("/ip dns set allow-remote-requests=yes", For.REST),
        "/ip dns cache flush",
    ]  # fmt: skip
    return Recipe(
        "routeros", "RouterOS", (piece(TERMINAL, lines),),
        (
            Step(_("Paste the lines into the terminal. They count at once.")),
            Step(_("Look at them."), f"/ip dns static print where name={answer.name}", TERMINAL),
            Step(_("The router’s DHCP server has to name the router as DNS server."),
                 "/ip dhcp-server network print", TERMINAL),
            ask(answer, HERE),
        ),
        notes=(
            _("Close port 53 towards the internet before remote requests are allowed; the router’s usual firewall "
              "does that."),
            _("RouterOS asks outside for a type it has no record of. When the name has an AAAA record in public DNS, "
              "give it one here as well."),
        ),
    )  # fmt: skip


def hosts(answer: Answer) -> Recipe:
    """The file of one machine."""
    lines = [to(f"{address} {answer.name}", For.RECORD) for address in answer.addresses]
    return Recipe(
        "hosts", _("hosts file"), (piece(_("/etc/hosts on each machine"), lines),),
        (
            Step(_("Add the lines, on Windows to C:\\Windows\\System32\\drivers\\etc\\hosts as administrator.")),
            Step(_("It counts at once. Ask the machine, not a DNS server."),
                 f"getent ahosts {answer.name}", _("On that machine")),
        ),
        notes=(
            _("For one machine, or to try something. The docker engine goes by it when it pulls; containers, builds "
              "inside of containers and pods do not. A line that is forgotten here outlives every change in DNS."),
        ),
    )  # fmt: skip
