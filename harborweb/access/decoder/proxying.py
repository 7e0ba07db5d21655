"""Messages that a reverse proxy, or a Harbor behind a wrong one, makes clients say."""

from django.utils.translation import gettext_lazy as _

from harborweb.access.decoder.message import Certainty, fix, known

RECIPE = fix(_("Compare your proxy with the recipe for this Harbor."), page="recipes")
WALK = fix(_("The doctor uploads a piece the same way and names the hop."), page="doctor")
WELL = fix(_("See whether Harbor’s containers are well."), page="containers")


def _status(code: int, words: str) -> tuple[str, ...]:
    """How docker, containers/image, containerd, cosign and BuildKit say a status of HTTP."""
    return (
        rf"received unexpected HTTP status: {code}[^\n\"]{{0,40}}",
        rf"login attempt to \S{{1,300}} failed with status: {code}[^\n\"]{{0,40}}",
        rf"invalid status code from registry {code}(?: \([^)\n]{{1,40}}\))?",
        rf"unexpected status(?: code)?(?: from [A-Z]{{3,6}} request to \S{{1,400}})?:? {code}[^\n\":]{{0,40}}",
        rf"error parsing HTTP {code} response body[^\n]{{0,120}}",
        rf"StatusCode: {code}[^\n\":]{{0,40}}",
        rf"response status code {code}[^\n\":]{{0,40}}",
        rf"\b{code} {words}\b",
    )


MESSAGES = (
    known(
        "413",
        _status(413, "(?:Request Entity|Payload|Content) Too Large"),
        _("A proxy in front of Harbor refuses large uploads."),
        _("Layers go up in one piece. nginx takes 1 MiB unless told otherwise; Harbor itself has no such limit."),
        fix(_("nginx: this line in the server block, then reload. For the other proxies see the recipes."),
            "client_max_body_size 0;", page="recipes", where=_("In nginx’s configuration")),
        fix(_("Cloudflare’s tunnels and proxied names have a limit that cannot be lifted: go around them for pushes.")),
        weight=60,
    ),
    known(
        "html",
        (r"invalid character '<' looking for beginning of value",),
        _("A web page came where the registry’s JSON was due."),
        _("The answer is of something else: a proxy’s error page, a sign-in page in front, Harbor’s portal because "
          "/v2/ is not passed on, or another site under this name."),
        fix(_("See what answers."), "curl -s {url}/v2/ | head -n 5"), RECIPE, WALK,
    ),
    known(
        "404-no-registry",
        (*_status(404, "page not found"), r"invalid character 'p' after top-level value"),
        _("What answers there is no registry."),
        _("A proxy does not pass /v2/ on, or passes it on with a prefix; or the reference names a wrong host or port."),
        fix(_("A registry answers 401 or 200 here."), "curl -sI {url}/v2/"), RECIPE, WALK,
        certainty=Certainty.LIKELY, weight=45,
    ),
    known(
        "502",
        _status(502, "Bad Gateway"),
        _("The proxy could not reach what is behind it."),
        _("Harbor is starting or stopped, or the proxy’s upstream has the wrong address, port or scheme. Harbor’s own "
          "nginx says it while core starts: half a minute after a deployment it is normal."),
        WELL, RECIPE, WALK,
    ),
    known(
        "503",
        _status(503, "Service (?:Temporarily )?Unavailable"),
        _("The proxy has nobody to send this to."),
        _("HAProxy and Traefik say it when every server of a backend is down; a cloud’s balancer, too."),
        WELL, RECIPE,
    ),
    known(
        "504",
        _status(504, "Gateway Time-?out"),
        _("The proxy waited for Harbor and gave up."),
        _("Large layers take long at their last step, when storage checks them: 60 seconds, the usual limit, are too "
          "few. Or the upstream is a wrong address."),
        fix(_("Raise the read timeout of the proxy as in the recipe."), page="recipes"), WELL,
    ),
    known(
        "redirect",
        (*_status(308, "Permanent Redirect"), *_status(301, "Moved Permanently"), r"stopped after 10 redirects"),
        _("The client is sent elsewhere, or in a circle."),
        _("Harbor with https answers plain http with 308. A proxy that ends TLS and asks Harbor by http gets that each "
          "time; so does a client that comes by http."),
        fix(_("Where the proxy ends TLS, Harbor itself must have no https section, and external_url the public "
              "address."), page="configuration"), RECIPE,
    ),
    known(
        "500",
        (*_status(500, "Internal Server Error"), r"unknown: internal server error"),
        _("Harbor itself failed on this request."),
        _("The reason stands in the log of core or of the registry at the same second."),
        fix(_("Read the logs of harbor-core and registry."), "docker logs --tail 100 harbor-core", page="containers"),
        fix(_("Common: no room left, the database away, storage that refuses."),  page="machine"),
    ),
    known(
        "405",
        _status(405, "Method Not Allowed"),
        _("Something in front forbids the methods that a push needs."),
        _("A push uses POST, PATCH and PUT. Firewalls for web applications like to refuse them; so does a site of "
          "static files under this name."),
        RECIPE, WALK,
        certainty=Certainty.LIKELY,
    ),
    known(
        "403",
        _status(403, "Forbidden"),
        _("Something refused the request without a registry’s words."),
        _("Harbor names the repository and the action when it refuses. A bare 403 is rather a firewall for web "
          "applications, an allow-list of addresses, or storage that a redirect leads to."),
        WALK, fix(_("Try from another address, and without the proxy."), "curl -sI {url}/v2/"),
        certainty=Certainty.LIKELY, weight=40,
    ),
    known(
        "blob-unknown",
        (r"blob unknown to registry", r"unknown blob", r"BLOB_UNKNOWN"),
        _("The layer was sent, and the registry does not have it."),
        _("The classical sign of a proxy that ends TLS and does not say so: the upload’s Location says http://, and "
          "the client’s last step goes astray. Also after a layer was garbage-collected while pushing."),
        fix(_("Pass X-Forwarded-Proto on, and set external_url to the https address."), page="recipes"), WALK,
        fix(_("If it comes after garbage collection, push again.")),
        certainty=Certainty.LIKELY,
    ),
    known(
        "blob-upload-unknown",
        (r"blob upload unknown(?: to registry)?", r"BLOB_UPLOAD_UNKNOWN"),
        _("The registry does not know this upload any more."),
        _("Parts of one upload reached different registries, or the upload was purged: two Harbors behind one name "
          "without shared storage and Redis, a registry that was restarted, an upload older than a week."),
        fix(_("Push again; if it stays, make the proxy send one client to one Harbor."), page="recipes"), WALK,
        certainty=Certainty.LIKELY,
    ),
    known(
        "blob-upload-invalid",
        (r"blob upload invalid", r"BLOB_UPLOAD_INVALID",
         r"provided digest did not match uploaded content", r"DIGEST_INVALID", r"SIZE_INVALID"),
        _("What arrived is not what was sent."),
        _("A proxy changed, cut or repeated a part of the upload: buffering to a full disk, a retry, a limit. Or "
          "storage behind the registry lost a part."),
        fix(_("Switch request buffering and retries off, as the recipe does."), page="recipes"),
        fix(_("See whether disks are full, the proxy’s too."), "df -h", page="machine"),
        certainty=Certainty.LIKELY,
    ),
    known(
        "accept-lost",
        (r"OCI (?:manifest|index) found, but accept header does not support OCI (?:manifests|indexes)",),
        _("The client did not say that it can read OCI manifests."),
        _("It is too old for OCI images, or a proxy takes the Accept header away or keeps only its first line."),
        fix(_("Use a client of the last years: docker 17.06 and later can.")), RECIPE,
        weight=70,
    ),
)  # fmt: skip
