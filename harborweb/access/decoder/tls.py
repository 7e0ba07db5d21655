"""Messages about certificates and the handshake. Wordings: Go's crypto/x509, crypto/tls and net/http."""

from django.utils.translation import gettext_lazy as _

from harborweb.access.decoder.message import Certainty, fix, known

SHOW = "openssl s_client -connect {name}:{port} -servername {name} -showcerts </dev/null"
DATES = (
    "openssl s_client -connect {name}:{port} -servername {name} </dev/null | "
    "openssl x509 -noout -subject -dates -ext subjectAltName"
)

TRUST = fix(_("Give the client this Harbor’s CA: the kit says where each tool wants it."), page="kit")
CHAIN = fix(_("Look at the chain that is sent; the doctor does it too, and says which certificate is missing."), SHOW,
            page="doctor")  # fmt: skip
NAMES = fix(_("Look at the names and dates of the certificate that answers."), DATES)
REISSUE = fix(
    _("Have a certificate issued for this name, and put the new pair where https.certificate and https.private_key of "
      "harbor.yml, or the proxy, have the old one."), page="configuration",
)  # fmt: skip

MESSAGES = (
    known(
        "x509-unknown-authority",
        (
            r"x509: certificate signed by unknown authority(?: \(possibly because of [^\n]{1,200})?",
            r"x509: [“\"][^\n”\"]{1,120}[”\"] certificate is not trusted",
            r"unable to get local issuer certificate", r"self[- ]signed certificate(?: in certificate chain)?",
        ),
        _("The client does not know who issued Harbor’s certificate."),
        _("Either the certificate comes from an authority of your own and the client was never given it, or the "
          "server sends its own certificate without the intermediate one."),
        TRUST, CHAIN,
        fix(_("Docker Desktop and programs started earlier read the system’s store once: start them again.")),
    ),
    known(
        "x509-name",
        (
            r"x509: certificate is valid for [^\n]{1,400}?, not [^\s\"\\]{1,255}",
            r"x509: certificate is not valid for any names, but wanted to match [^\s\"\\]{1,255}",
            r"x509: cannot validate certificate for [^\s\"\\]{1,255} because it doesn't contain any IP SANs",
        ),
        _("The certificate is for another name than the one that was asked."),
        _("Clients compare the name in the image reference with the certificate’s alternative names. An IP address "
          "needs an entry of its own."),
        fix(_("Use the name the certificate has, in image references and at login.")), NAMES, REISSUE,
        fix(_("If the name is right and another machine answers, the name leads to the wrong address."), page="dns"),
    ),
    known(
        "x509-early",
        (
            r"x509: certificate has expired or is not yet valid: current time \S{1,40} is before \S{1,40}",
            r"certificate is not yet valid",
        ),
        _("The client’s clock is behind, or the certificate begins later."),
        _("The message names both times: the client’s “current time” and the certificate’s first moment."),
        fix(_("Compare the client’s clock; let it be set by NTP."), "date -u", "timedatectl"), NAMES,
        weight=60,
    ),
    known(
        "x509-expired",
        (
            r"x509: certificate has expired or is not yet valid: current time \S{1,40} is after \S{1,40}",
            r"x509: certificate has expired or is not yet valid", r"certificate has expired",
        ),
        _("The certificate has expired, or the client’s clock is ahead."),
        _("If the message names two times, the first is the client’s clock and the second the certificate’s last "
          "moment."),
        NAMES, REISSUE,
        fix(_("If the date is right, look at the client’s clock."), "date -u"),
    ),
    known(
        "x509-common-name",
        (r"x509: certificate relies on legacy Common Name field(?:, use SANs [^\n\"]{1,80})?",),
        _("The certificate has its name only in the Common Name."),
        _("Clients written in Go have ignored that field since 2021; they want a subject alternative name."),
        REISSUE, NAMES,
    ),
    known(
        "http-to-https-client",
        (r"http: server gave HTTP response to HTTPS client",),
        _("The client spoke https, and Harbor, or what answers there, speaks plain http."),
        _("Clients use https unless they were told by name that this registry is without."),
        fix(_("Better: give Harbor https, by its own certificate or by a proxy in front."), page="recipes"),
        fix(_("Otherwise allow plain http in the client, for this host with exactly this port."), page="kit"),
        fix(_("If Harbor has https, the reference names the wrong port."), "curl -sI {url}/v2/"),
    ),
    known(
        "https-port-asked-by-http",
        (
            r"Client sent an HTTP request to an HTTPS server",
            r"The plain HTTP request was sent to HTTPS port",
            r"malformed HTTP response [\"\\]{1,2}\\*x15\\*x03[^\n]{0,60}",
        ),
        _("The client spoke plain http to a port that wants https."),
        _("Somebody told the client that this registry is insecure, or the address says http://."),
        fix(_("Take the registry out of the client’s list of insecure ones, or leave --plain-http and "
              "--tls-verify=false away."), page="kit"),
        fix(_("If a proxy in front asks Harbor: its upstream line must say https, or name Harbor’s http port."),
            page="recipes"),
    ),
    known(
        "not-tls",
        (r"tls: first record does not look like a TLS handshake", r"malformed HTTP response [^\n]{0,80}"),
        _("What listens there is no web server with TLS."),
        _("The port belongs to another program, or a proxy passes the connection on to a port without TLS."),
        fix(_("See what answers on this port."), "curl -sv {url}/v2/ -o /dev/null"),
        fix(_("The doctor walks the same way and names the hop."), page="doctor"),
        weight=40,
    ),
    known(
        "tls-handshake-timeout",
        (r"net/http: TLS handshake timeout", r"TLS handshake timeout"),
        _("The connection stands, but nobody finishes the handshake."),
        _("Typical: a firewall or tunnel with a smaller packet size (MTU), a proxy that is overloaded, or a port where "
          "another program waits silently."),
        fix(_("Try the handshake alone."), "curl -sv --max-time 20 {url}/v2/ -o /dev/null"),
        fix(_("Through a VPN or tunnel try a smaller MTU on the client’s interface.")),
        fix(_("Let the doctor walk the way."), page="doctor"),
        certainty=Certainty.LIKELY,
    ),
    known(
        "tls-alert",
        (r"remote error: tls: [a-z ]{3,60}",),
        _("The server broke the handshake off and said why."),
        _("“unrecognized name”: the proxy has no site for this name. “protocol version” or “handshake failure”: it "
          "offers nothing that the client accepts. “certificate required”: it wants a client’s certificate."),
        fix(_("The site of the proxy must have exactly this server name, and TLS 1.2 or later."), page="recipes"),
        CHAIN,
    ),
    known(
        "realm-scheme",
        (r"invalid realm in www-authenticate: realm scheme [\\\"]{1,2}http[\\\"]{1,2} not allowed[^\n\"]{0,60}",),
        _("Harbor sends clients to its token service by http, although they came by https."),
        _("The realm’s scheme is that of external_url in the harbor.yml that runs. Newer clients refuse to send a "
          "password there."),
        fix(_("Set external_url to the https address, and deploy."), page="configuration"),
        fix(_("The doctor shows the realm as a client gets it."), "curl -sI {url}/v2/", page="doctor"),
    ),
    known(
        "realm-host",
        (r"invalid realm in www-authenticate: realm host [\\\"]{1,2}[^\s\"\\]{1,255}[\\\"]{1,2} is a private"
         r"[^\n]{0,40}",),
        _("The token service is said to be at another, private address."),
        _("Newer clients send no password to a private address that is not the registry’s own. The realm’s host is the "
          "Host header that reached Harbor: the proxy does not pass the name on."),
        fix(_("Let the proxy pass the Host header."), page="recipes"),
        fix(_("The doctor shows the realm as a client gets it."), "curl -sI {url}/v2/", page="doctor"),
    ),
)  # fmt: skip
