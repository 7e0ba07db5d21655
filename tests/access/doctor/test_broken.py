"""A real nginx in front of Harbor, broken in many ways: the doctor names hop, rule, proof and the recipe's line."""

import shutil
from dataclasses import dataclass, replace

import pytest

from harborweb.access.doctor.examining import Credentials
from harborweb.access.doctor.seen import Target
from harborweb.access.recipes.proxies import recipe
from harborweb.access.recipes.shape import Tag
from tests.access.doctor.conftest import PAUSE, QUICK, Looked, Proxy, look, passing_on
from tests.access.doctor.seals import NAME
from tests.access.doctor.test_hostile import answering, http

HTTP11 = "proxy_http_version 1.1;"
UNBUFFERED = "proxy_request_buffering off;"
PASS = "location / {"


@dataclass(frozen=True)
class Case:
    """A way to break nginx, and what the doctor has to say: `rule`, `hop`, the line's `tag`, what stands in the proof.

    `also` are further rules that hold, because one fault has several faces.
    """

    rule: str
    mends: tuple[tuple[str, str], ...]
    tag: str
    proof: str
    question: str = "ping"
    hop: str = "proxy"
    seal: str = "good"
    also: tuple[str, ...] = ()
    line: str = ""  # the line of nginx' recipe that the tag leads to


PROTO, HOST = "proxy_set_header X-Forwarded-Proto $scheme;", "proxy_set_header Host $http_host;"
CASES = {
    "no scheme header": Case(
        "location_scheme", ((PROTO, ""),), "proto", f"Location: http://{NAME}", "location", line=PROTO
    ),
    "no Host": Case(
        "realm_host", ((HOST, ""),), "host", 'realm="https://127.0.0.1:', "realm", also=("location_host",), line=HOST
    ),
    "Host without its port": Case(
        "realm_host", ((HOST, "proxy_set_header Host $host;"),), "host", f'realm="https://{NAME}/service/token"',
        "realm", also=("location_host",), line=HOST,
    ),
    "body size as nginx has it by itself": Case(
        "body_size", (("client_max_body_size 0;", ""),), "body_size", "413", "chunk", line="client_max_body_size 0;"
    ),
    "body size of 100 MB": Case(
        "body_size", (("client_max_body_size 0;", "client_max_body_size 100m;"),), "body_size", "413", "big",
        line="client_max_body_size 0;",
    ),
    "request buffering": Case(
        "buffering", ((UNBUFFERED, "client_body_temp_path {temp};"),), "buffering", "PATCH", "big", line=UNBUFFERED
    ),
    "HTTP/1.0 to Harbor": Case(
        "upstream_http10", ((HTTP11, "client_body_temp_path {temp};"),), "http_version", "PATCH", "stream", line=HTTP11
    ),
    "time-outs that cut uploads": Case(
        "timeouts", (("client_body_timeout 900s;", "client_body_timeout 1s;"),), "timeouts", "PATCH", "chunk",
        line="proxy_connect_timeout 10s;",
    ),
    "path prefix": Case(
        "path_prefix", ((PASS, "location / { return 404; }\nlocation /harbor/ {"),
                        ("proxy_pass http://127.0.0.1:{harbor};", "proxy_pass http://127.0.0.1:{harbor}/;")),
        "path", "404 Not Found", line=PASS,
    ),
    "/v2 rewritten away": Case(
        "path_prefix", ((PASS, "location /v2/ { proxy_pass http://127.0.0.1:{harbor}/; }\n" + PASS),), "path",
        "<title>Harbor</title>", line=PASS,
    ),
    "service/token of another site": Case(
        "token_lost", ((PASS, "location /service/ { return 404; }\n" + PASS),), "path", "404 Not Found", "token",
        line=PASS,
    ),
    "redirect loop": Case(
        "redirect_loop", ((PASS, "location / { return 302 https://$http_host$request_uri; }\nlocation /nowhere/ {"),),
        "redirect", f"Location: https://{NAME}", line="return 308 ",
    ),
    "wrong upstream": Case(
        "wrong_upstream", ((PASS, "location / { default_type text/html; return 200 '<html>Hello</html>'; }\n"
                            "location /nowhere/ {"),),
        "upstream", "Hello", line="proxy_pass",
    ),
    "another site at all": Case(
        "wrong_upstream", ((PASS, "location / { return 404; }\nlocation /nowhere/ {"),), "upstream", "404 Not Found",
        line="proxy_pass",
    ),
    "upstream down": Case(
        "upstream_down", (("proxy_pass http://127.0.0.1:{harbor};", "proxy_pass http://127.0.0.1:1;"),), "upstream",
        "502 Bad Gateway", line="proxy_pass",
    ),
    "upstream silent": Case(
        "upstream_slow", (("proxy_pass http://127.0.0.1:{harbor};", "proxy_pass http://127.0.0.1:{silent};"),
                          ("proxy_read_timeout 900s;", "proxy_read_timeout 1s;")),
        "upstream", "504 Gateway", line="proxy_pass",
    ),
    "http to an https upstream": Case(
        "upstream_tls", (("proxy_pass http://127.0.0.1:{harbor};", "proxy_pass http://127.0.0.1:{self};"),), "upstream",
        "plain HTTP request was sent to HTTPS port", line="proxy_pass",
    ),
    "expired certificate": Case(
        "expired", (), "certificate", "notAfter", "certificate", seal="expired", line="ssl_certificate "
    ),
    "missing intermediate": Case(
        "missing_intermediate", (), "chain", "i: Lab Intermediate CA", "certificate", seal="incomplete",
        line="ssl_certificate ",
    ),
    "certificate of another name": Case(
        "wrong_name", (), "certificate", "SAN: files.lab.test", "certificate", seal="other_name",
        line="ssl_certificate ",
    ),
    "self-signed certificate": Case(
        "self_signed", (), "certificate", f"s: {NAME}", "certificate", seal="self_signed", line="ssl_certificate "
    ),
    "certificate that soon ends": Case(
        "soon", (), "certificate", "notAfter", "certificate", seal="soon", line="ssl_certificate "
    ),
    "http served without a redirect": Case(
        "redirect_missing",
        (("return 308 {url}$request_uri;", "location / { proxy_pass http://127.0.0.1:{harbor}; }"),), "redirect",
        "HTTP/1.1 401", "plain", line="return 308 ",
    ),
    "http redirected to another port": Case(
        "redirect_wrong", (("return 308 {url}$request_uri;", "return 308 https://$host$request_uri;"),), "redirect",
        f"Location: https://{NAME}/v2/", "plain", line="return 308 ",
    ),
    "refusal like a firewall's": Case(
        "refused_by_proxy",
        ((PASS, "location /v2/ { default_type text/html; return 403 '<html>Blocked</html>'; }\n" + PASS),), "path",
        "403 Forbidden", line=PASS,
    ),
    "challenge taken away": Case(
        "challenge_missing", ((PASS, PASS + "\nproxy_hide_header Www-Authenticate;"),), "headers", "HTTP/1.1 401"
    ),
    "version taken away": Case(
        "version_missing", ((PASS, PASS + "\nproxy_hide_header Docker-Distribution-Api-Version;"),), "headers", "Bearer"
    ),
    "token taken away": Case(
        "authorization_stripped",
        ((PASS, "location /v2/ { proxy_pass http://127.0.0.1:{harbor}; proxy_set_header Host $http_host; "
          "proxy_http_version 1.1; proxy_request_buffering off; client_max_body_size 0; "
          "proxy_set_header Authorization ''; }\n" + PASS),),
        "headers", "Authorization: Bearer •••", "upload",
    ),
    "API of another site": Case(
        "api_lost", ((PASS, "location /api/ { return 404; }\n" + PASS),), "path", "404 Not Found", "systeminfo",
        line=PASS,
    ),
    "pages of another site": Case(
        "portal_lost", ((PASS, "location = / { return 404; }\n" + PASS),), "path", "404 Not Found", "portal", line=PASS
    ),
    "layers sent to a storage out of reach": Case(
        "storage",
        ((PASS, "location ~ /blobs/sha256: { return 307 http://127.0.0.1:1/bucket/layer?X-Amz-Sign=x; }\n" + PASS),),
        "", "Location: http://127.0.0.1:1/bucket/layer", "blob", hop="harbor",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_doctor_names_it(proxy: Proxy, silent: int, name: str) -> None:
    case = CASES[name]
    looked = broken(proxy, case, silent)
    assert case.rule in looked.rules, f"{looked.found}\n{looked.seen.skipped}"
    found = looked[case.rule]
    assert (found.hop, found.tag, found.question) == (case.hop, case.tag, case.question)
    others = looked.rules - {case.rule, *case.also}
    assert others == set(), {one.rule: one.title for one in looked.found}
    asked = looked.question(case.question)
    assert case.proof.casefold() in asked.proof.casefold(), asked.proof
    assert asked.verdict == found.verdict
    if case.line:
        assert case.tag in set(Tag)
        line = recipe("nginx", proxy.front()).line(case.tag)
        assert line is not None and case.line in line.text


def broken(proxy: Proxy, case: Case, silent: int) -> Looked:
    front = proxy.front(getattr(proxy.seals, case.seal)())
    values = {"{harbor}": str(front.harbor_port), "{self}": str(front.https_port), "{url}": front.url,
              "{silent}": str(silent), "{temp}": str(proxy.temporary)}  # fmt: skip

    bounds = replace(QUICK, pause=PAUSE) if case.rule == "timeouts" else QUICK

    def filled(text: str) -> str:
        for key, value in values.items():
            text = text.replace(key, value)
        return text

    return proxy.looked(*((filled(before), filled(after)) for before, after in case.mends), front=front, bounds=bounds)


def test_a_healthy_proxy_has_nothing_wrong(proxy: Proxy) -> None:
    looked = proxy.looked()
    assert looked.rules == set(), looked.found
    assert {one.verdict for one in looked.asked} == {"fine"}
    assert looked.question("certificate").note == "clients need your own authority for it"
    assert looked.question("realm").came == f"{looked.seen.target.url}/service/token"
    assert looked.question("chunk").came == "202 Accepted"
    assert looked.question("cancel").came.startswith("204")


def test_harbor_itself_is_down(proxy: Proxy) -> None:
    """The proxy's 502 alone would blame the proxy."""
    front = proxy.front()
    looked = proxy.looked(
        (f"proxy_pass http://127.0.0.1:{front.harbor_port};", "proxy_pass http://127.0.0.1:1;"), front=front,
        direct="http://127.0.0.1:1",
    )  # fmt: skip
    assert {"harbor_down", "upstream_down"} <= looked.rules
    assert "does not answer at http://127.0.0.1:1 either" in looked["upstream_down"].text


def test_a_proxy_that_cannot_write_to_its_disk(proxy: Proxy) -> None:
    front = proxy.front()
    with proxy.behind(front, (UNBUFFERED, f"client_body_temp_path {proxy.temporary};")):
        shutil.rmtree(proxy.temporary)
        looked = look(proxy.target(front), Credentials(*proxy.harbor.admin), proxy.seals.ca_pem)
    found = looked["proxy_fails"]
    assert (found.hop, found.tag, found.question) == ("proxy", "buffering", "chunk")
    assert "500 Internal Server Error" in looked.question("chunk").proof


def test_http2_without_tls(proxy: Proxy) -> None:
    """Debian 12's nginx answers nothing but HTTP/2 on such a port, and docker speaks that over TLS only."""
    front = proxy.front()
    plain = f"listen 127.0.0.1:{front.http_port}"
    with proxy.behind(front, (f"{plain};", f"{plain} http2;")):
        looked = look(proxy.target(front, url=f"http://{NAME}:{front.http_port}"), Credentials())
    found = looked["http2_only"]
    assert (found.hop, found.tag, found.question, found.verdict) == ("proxy", "listen", "ping", "wrong")
    assert looked.rules == {"http2_only"}, looked.found


@pytest.mark.parametrize("works", [True, False])
def test_http2_where_it_is_offered(proxy: Proxy, works: bool) -> None:
    """With nginx' own http2 all is well; what only passes the bytes of HTTP/2 on to HTTP/1.1 breaks docker."""
    front = proxy.front()
    secure = f"listen 127.0.0.1:{front.https_port} ssl"
    with proxy.behind(front, (f"{secure};", f"{secure} http2;")):
        if works:
            looked = look(proxy.target(front), Credentials(*proxy.harbor.admin), proxy.seals.ca_pem)
            assert looked.seen.http2 is not None and looked.seen.http2.status == 401
            assert looked.rules == set()
            return
        with passing_on(proxy, front) as port:
            target = proxy.target(front, url=f"https://{NAME}:{port}")
            looked = look(target, Credentials(*proxy.harbor.admin), proxy.seals.ca_pem)
    found = looked["http2_broken"]
    assert (found.hop, found.tag, found.question) == ("proxy", "listen", "http2")


def test_a_realm_of_http_is_not_the_proxys_fault(proxy: Proxy) -> None:
    """The realm's scheme is that of the external_url that runs: look there before the proxy is blamed."""
    front = proxy.front()
    with proxy.behind(front):
        target = proxy.target(front)
        proxy.harbor.state.external_url = f"http://{front.host}"
        looked = look(target, Credentials(*proxy.harbor.admin), proxy.seals.ca_pem)
    found = looked["realm_scheme"]
    assert (found.hop, found.tag, found.keys) == ("harbor", "", ("external_url",))
    assert "revision 14" in found.text
    assert looked.rules == {"realm_scheme"}


def test_no_password_goes_where_the_certificate_is_not_trusted(proxy: Proxy) -> None:
    front = proxy.front(proxy.seals.expired())
    before = len(proxy.harbor.requests)
    looked = proxy.looked(front=front)
    asked = proxy.harbor.requests[before:]
    assert not [one for one in asked if "/service/token" in one or "/users/current" in one], asked
    assert looked.question("upload").verdict == "skipped"
    assert "no password was sent" in looked.question("token").note


def test_a_wrong_password_is_said(proxy: Proxy) -> None:
    front = proxy.front()
    with proxy.behind(front):
        looked = look(proxy.target(front), Credentials("admin", "wrong"), proxy.seals.ca_pem)
    assert looked["credentials"].hop == "client"
    assert looked.question("upload").verdict == "skipped"


def test_a_cli_secret_is_no_wrong_password(proxy: Proxy) -> None:
    """Where people sign in by OIDC: /users/current does not take it, all that docker asks does."""
    state = proxy.harbor.state
    dev = state.add_user("dev", "not asked for here")
    dev.cli_secret = "a-CLI-s3cret"
    state.configuration["auth_mode"] = "oidc_auth"
    front = proxy.front()
    try:
        with proxy.behind(front):
            looked, wrong = (
                look(proxy.target(front), Credentials("dev", secret), proxy.seals.ca_pem)
                for secret in ("a-CLI-s3cret", "another")
            )
    finally:
        del state.configuration["auth_mode"]
    assert looked.seen.known is True
    assert "credentials" not in looked.rules
    assert looked.question("known").verdict == looked.question("ping").verdict
    assert wrong.seen.known is False
    assert "credentials" in wrong.rules


def test_nothing_listens(proxy: Proxy) -> None:
    looked = look(proxy.target(proxy.front()), Credentials(*proxy.harbor.admin), proxy.seals.ca_pem)
    assert looked.rules == {"closed"}
    assert {one.verdict for one in looked.asked if one.id not in {"lookup", "connect", "direct", "health"}} == {
        "skipped"
    }


def test_a_name_that_nobody_knows(proxy: Proxy) -> None:
    target = Target("https://no-such-name.invalid")
    assert look(target, Credentials()).rules == {"no_address"}


def test_harbor_takes_another_name_for_its_own(proxy: Proxy) -> None:
    """The scheme is right, so docker works; what Harbor writes into mails and webhooks is not."""
    front = proxy.front()
    with proxy.behind(front):
        target = proxy.target(front)
        proxy.harbor.state.external_url = "https://old-name.lab.test"
        looked = look(target, Credentials(*proxy.harbor.admin), proxy.seals.ca_pem)
    found = looked["external_url"]
    assert (found.hop, found.question, found.keys[0]) == ("harbor", "says", "external_url")
    assert "https://old-name.lab.test" in looked.question("says").came
    assert looked.rules == {"external_url"}
    assert looked.seen.version.startswith("v2.")


def test_what_nobody_objects_to_is_not_fine_for_that(proxy: Proxy) -> None:
    """Behind another site its pages answer too; their verdict is not as it should be."""
    looked = proxy.looked((PASS, "location / { return 404; }\nlocation /nowhere/ {"))
    assert looked.rules == {"wrong_upstream"}
    assert {one.id: one.verdict for one in looked.asked if one.id in {"portal", "systeminfo", "direct"}} == {
        "portal": "look", "systeminfo": "look", "direct": "fine",
    }  # fmt: skip


def test_harbor_says_that_it_is_ill(proxy: Proxy) -> None:
    front = proxy.front()
    health = b'{"status": "unhealthy", "components": [{"name": "jobservice", "status": "unhealthy"}]}'
    with answering(http(200, health)) as port, proxy.behind(front):
        target = proxy.target(front, direct=f"http://127.0.0.1:{port}")
        looked = look(target, Credentials(*proxy.harbor.admin), proxy.seals.ca_pem)
    assert (looked["unhealthy"].hop, looked["unhealthy"].question) == ("harbor", "health")
    assert "jobservice" in looked["unhealthy"].title
