"""Messages about names, connections and time. Wordings: Go's net and net/http."""

from django.utils.translation import gettext_lazy as _

from harborweb.access.decoder.message import Certainty, fix, known

LOOK_UP = fix(_("Ask for the name where the client runs; for a cluster that is the node, not a pod."),
              "getent hosts {name}", page="board")  # fmt: skip
WALK = fix(_("The doctor walks the client’s way and names the hop that is wrong."), page="doctor")
FROM_THERE = fix(_("Try it from the machine that said so."), "curl -sv --max-time 20 {url}/v2/ -o /dev/null")

MESSAGES = (
    known(
        "no-such-host",
        (r"(?:dial tcp: )?lookup [^\s:]{1,255}(?: on \S{1,80}:\d+)?: no such host", r"no such host",
         r"Name or service not known", r"Could not resolve host:? ?\S{0,255}"),
        _("The name of the registry is unknown where the client runs."),
        _("The name server that was asked answered, and does not have this name."),
        LOOK_UP, fix(_("Add the name to the DNS of your LAN."), page="dns"),
        fix(_("Docker Desktop, WSL and VPNs have name servers of their own: add it there too.")),
    ),
    known(
        "dns-fails",
        (r"lookup [^\s:]{1,255}(?: on \S{1,80}:\d+)?: (?:read udp [^\n]{1,120}?: )?i/o timeout",
         r"lookup [^\s:]{1,255}(?: on \S{1,80}:\d+)?: server misbehaving", r"server misbehaving",
         r"lookup [^\n]{1,300}: connection refused", r"Temporary failure in name resolution"),
        _("The name server did not answer, or answered that it failed."),
        _("This is no word about the registry: the client could not ask for its address. The message names the name "
          "server."),
        fix(_("Look which name servers the client has, and ask one."), "cat /etc/resolv.conf", "getent hosts {name}"),
        fix(_("The recipes for the LAN’s name servers come with a check."), page="dns"),
        weight=60,
    ),
    known(
        "proxyconnect",
        (r"proxyconnect tcp: [^\n]{1,200}", r"Proxy Authentication Required"),
        _("The client goes through an HTTP proxy, and that one is the trouble."),
        _("HTTPS_PROXY is set where the client runs; for the docker engine that is the engine’s own environment."),
        fix(_("For a Harbor in the LAN add its name to NO_PROXY, then restart the engine."),
            "systemctl show --property=Environment docker", "env | grep -i _proxy"),
        weight=70,
    ),
    known(
        "connection-refused",
        (r"dial tcp [^\s\"]{1,80}: connect: connection refused", r"connect: connection refused",
         r"connection refused"),
        _("The machine is there, and nothing listens on this port."),
        _("Harbor or its proxy is stopped, listens on another port or only on 127.0.0.1, or the name leads to another "
          "machine."),
        fix(_("See whether Harbor’s containers run."), page="containers"),
        fix(_("See what the name means here, in a container and in your browser."), page="board"), FROM_THERE,
    ),
    known(
        "no-route",
        (r"connect: no route to host", r"no route to host", r"network is unreachable"),
        _("There is no way from the client to this address."),
        _("The address is of another network, the machine is off, or a firewall refuses with this answer. With IPv6 "
          "addresses: the client has none."),
        LOOK_UP, fix(_("Ask for the way."), "ip route get $(getent ahostsv4 {name} | head -n 1 | cut -d' ' -f1)"),
    ),
    known(
        "io-timeout",
        (r"dial tcp [^\s\"]{1,80}: (?:connect: connection timed out|i/o timeout)", r"i/o timeout",
         r"connection timed out"),
        _("Nobody answered at this address and port."),
        _("Packets are dropped on the way: a firewall, a wrong address, or a router that does not lead its own public "
          "address back inside (hairpin NAT)."),
        fix(_("The board shows whether the name means the public address inside the LAN."), page="board"),
        FROM_THERE, WALK,
    ),
    known(
        "request-canceled",
        (r"net/http: request canceled(?: while waiting for connection)?(?: \(Client\.Timeout exceeded[^)\n]{0,60}\))?",
         r"Client\.Timeout exceeded while awaiting headers", r"context deadline exceeded",
         r"timeout awaiting response headers"),
        _("The client gave up waiting for an answer."),
        _("“while waiting for connection”: nobody answered. “while awaiting headers”: something took the request and "
          "said nothing in time, usually a proxy in front of a Harbor that is busy or stopped."),
        fix(_("See whether Harbor’s containers are well."), page="containers"), FROM_THERE, WALK,
        certainty=Certainty.LIKELY, weight=45,
    ),
    known(
        "connection-reset",
        (r"(?:read|write) tcp [^\n]{1,120}: connection reset by peer", r"connection reset by peer",
         r"write: broken pipe", r"broken pipe"),
        _("The other side cut the connection."),
        _("While pushing: a proxy cuts uploads that take too long or are too large, without the courtesy of a 413. "
          "Before: a firewall, or a server that does not know this name."),
        fix(_("The recipes have the body size, the buffering and the timeouts that Harbor needs."), page="recipes"),
        WALK,
        certainty=Certainty.LIKELY,
    ),
    known(
        "eof",
        (r"unexpected EOF", r": EOF\b", r"\bEOF$"),
        _("The connection ended in the middle of an answer, or of an upload."),
        _("A proxy’s timeout, a limit of its buffer, or a registry that was restarted. Over plain http: a port that "
          "wants https closes like this too."),
        fix(_("Try again once: a restart ends like this and is over."),),
        fix(_("The recipes have the timeouts and the buffering that Harbor needs."), page="recipes"), WALK,
        certainty=Certainty.LIKELY, weight=30,
    ),
    known(
        "http2",
        (r"stream error: stream ID \d{1,9}; [A-Z_]{3,40}", r"http2: server sent GOAWAY[^\n]{0,80}",
         r"http2: [^\n\"]{3,80}"),
        _("A proxy broke an HTTP/2 stream off."),
        _("Typical for limits on long streams or large bodies, and for proxies with a broken HTTP/2 towards Harbor."),
        fix(_("Compare with the recipe: HTTP/1.1 towards Harbor, no limit for bodies."), page="recipes"), WALK,
        certainty=Certainty.LIKELY,
    ),
)  # fmt: skip
