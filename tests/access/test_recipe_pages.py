"""The pages of recipes: filled in, refused with a sentence, their keys put into the draft by one click."""

import html
import re
from typing import Any

import pytest

from harborweb.access.recipes.proxies import PROXIES
from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.configuration import services
from harborweb.configuration.text.document import Document
from harborweb.deployment.models import Deployment, Installer
from tests.access.samples import PASSWORD, PLAIN, TEXT, saved

pytestmark = pytest.mark.django_db
ASKED = {
    "asked": "1", "name": "images.example", "https_port": "443", "http_port": "80", "harbor": "192.0.2.7",
    "harbor_port": "8080", "ipv6": "on",
}  # fmt: skip


def words(response: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def test_the_hall_leads_to_the_recipes(as_role: Any) -> None:
    client = as_role(Role.VIEWER)
    assert 'href="/access/proxy/"' in client.get("/access/").content.decode()
    assert client.get("/access/proxy/", follow=True).status_code == 200


@pytest.mark.parametrize("proxy", sorted(PROXIES))
def test_a_recipe_is_filled_in_from_the_harbor_yml(as_role: Any, proxy: str) -> None:
    saved(PLAIN.replace("hostname: registry.example", "hostname: 192.0.2.7") + "external_url: https://images.example\n")
    page = as_role(Role.VIEWER).get(f"/access/proxy/{proxy}/")
    assert page.status_code == 200
    said = words(page)
    assert ("images.example" in said and "/etc/harbor/tls/images.example.crt" in said) or proxy == "proxy-manager"
    assert PASSWORD not in page.content.decode()


def test_without_a_harbor_yml_the_page_asks_for_the_name(as_role: Any) -> None:
    page = as_role(Role.VIEWER).get("/access/proxy/nginx/")
    assert page.status_code == 200 and "No recipe yet" in words(page)
    assert "error-box" not in page.content.decode()


def test_what_is_typed_stands_in_the_recipe_and_in_its_plain_text(client: Any, as_role: Any) -> None:
    as_role(Role.VIEWER)
    page = client.get("/access/proxy/nginx/", ASKED)
    assert "proxy_pass http://192.0.2.7:8080;" in words(page)
    (link,) = re.findall(r'href="(/access/proxy/nginx/text/1/\?[^"]+)"', page.content.decode())
    text = client.get(html.unescape(link))
    assert text["Content-Type"] == "text/plain; charset=utf-8"
    assert "proxy_pass http://192.0.2.7:8080;\n" in text.content.decode()
    assert "listen [::]:443 ssl;" in text.content.decode()
    assert client.get("/access/proxy/nginx/text/2/", ASKED).status_code == 404
    assert client.get("/access/proxy/squid/").status_code == 404


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "a.example; }", "This is no host name."),
        ("harbor", "10.0.0.300", "This is no IP address."),
        ("harbor_port", "70000", "This is no port."),
        ("harbor_port", "eighty", "Enter a whole number."),
        ("certificate", "/a b", "This path cannot stand in a configuration file as it is."),
        ("https_port", "80", "http and https have the same port."),
        ("name", "", "This is empty."),
    ],
)
def test_bad_input_is_told_at_its_field_and_makes_no_recipe(
    client: Any, as_role: Any, field: str, value: str, sentence: str
) -> None:
    as_role(Role.VIEWER)
    page = client.get("/access/proxy/nginx/", {**ASKED, field: value})
    assert page.status_code == 422
    assert "1 answer cannot be used." in words(page)
    assert sentence in words(page) and 'aria-invalid="true"' in page.content.decode()
    assert "proxy_pass" not in page.content.decode()
    assert client.get("/access/proxy/nginx/text/1/", {**ASKED, field: value}).status_code == 404


def test_one_click_puts_the_keys_into_a_draft(client: Any, as_role: Any) -> None:
    saved(TEXT)
    as_role(Role.OPERATOR)
    before = client.get("/access/proxy/nginx/", ASKED)
    assert "Put these into the draft" in words(before) and "Now: In Harbor" in words(before)
    after = client.post("/access/proxy/nginx/keys/", ASKED, follow=True)
    said = words(after)
    assert "3 answers are in the draft now." in said and "all in the draft" in said
    assert "changed from 80" in said and "changed from In Harbor" in said and "external_url new" in said
    assert 'href="/configuration/draft/https/"' in after.content.decode()
    assert 'href="/configuration/draft/review/"' in after.content.decode()
    draft = services.current_draft()
    assert draft is not None
    document = Document(draft.text())
    assert (document.get("external_url"), document.get("http.port")) == ("https://images.example", 8080)
    assert not document.has("https") and document.get("hostname") == "registry.example"
    assert draft.text().startswith("# of the lab\n")
    (edit,) = Activity.objects.filter(action="edit draft")
    assert PASSWORD not in str(edit) and "external_url" in edit.detail


def test_the_recipe_opened_again_is_the_one_whose_keys_are_in_the_draft(client: Any, as_role: Any) -> None:
    saved(TEXT)
    as_role(Role.OPERATOR)
    client.post("/access/proxy/nginx/keys/", ASKED)
    said = words(client.get("/access/proxy/nginx/"))
    assert "server_name images.example;" in said and "all in the draft" in said


def test_the_draft_has_the_way_back(client: Any, as_role: Any) -> None:
    saved(TEXT)
    as_role(Role.OPERATOR)
    client.post("/access/proxy/nginx/keys/", ASKED)
    draft = services.current_draft()
    assert draft is not None
    answer = client.post("/configuration/draft/begin-again/", {"version": draft.version})
    assert answer.status_code == 302
    again = services.current_draft()
    assert again is not None and again.text() == TEXT
    assert "Put these into the draft" in words(client.get("/access/proxy/nginx/", ASKED))


def test_a_draft_that_is_there_is_gone_on_with(client: Any, as_role: Any) -> None:
    saved(TEXT)
    as_role(Role.OPERATOR)
    client.post("/access/proxy/caddy/keys/", ASKED)
    client.post("/access/proxy/caddy/keys/", {**ASKED, "name": "other.example"})
    draft = services.current_draft()
    assert draft is not None and Document(draft.text()).get("external_url") == "https://other.example"


def test_tls_to_harbor_keeps_the_block_and_sets_its_port(client: Any, as_role: Any) -> None:
    saved(TEXT)
    as_role(Role.OPERATOR)
    client.post("/access/proxy/nginx/keys/", {**ASKED, "to_https": "on", "harbor_port": "8443"})
    draft = services.current_draft()
    assert draft is not None
    document = Document(draft.text())
    assert (document.get("https.port"), document.get("http.port")) == (8443, 80)
    assert document.get("https.certificate") == "/srv/tls/registry.crt"


def test_nothing_is_begun_where_all_is_said(client: Any, as_role: Any) -> None:
    saved(PLAIN.replace("port: 80", "port: 8080") + "external_url: https://images.example\n")
    as_role(Role.OPERATOR)
    page = client.post("/access/proxy/nginx/keys/", ASKED, follow=True)
    assert "harbor.yml says all of this already." in words(page)
    assert services.current_draft() is None


def test_an_example_of_the_template_gets_the_name(client: Any, as_role: Any) -> None:
    saved(PLAIN.replace("registry.example", "reg.mydomain.com"))
    as_role(Role.OPERATOR)
    client.post("/access/proxy/nginx/keys/", ASKED)
    draft = services.current_draft()
    assert draft is not None and Document(draft.text()).get("hostname") == "images.example"


def test_without_a_harbor_yml_there_is_nowhere_to_put_them(client: Any, as_role: Any) -> None:
    as_role(Role.OPERATOR)
    page = client.post("/access/proxy/nginx/keys/", ASKED, follow=True)
    assert "There is no harbor.yml here yet." in words(page)
    bad = client.post("/access/proxy/nginx/keys/", {**ASKED, "name": "a b"}, follow=True)
    assert bad.status_code == 422 and "This is no host name." in words(bad)


def test_a_viewer_reads_and_is_told_who_may_write(client: Any, as_role: Any) -> None:
    saved(TEXT)
    as_role(Role.VIEWER)
    said = words(client.get("/access/proxy/nginx/", ASKED))
    assert "An operator can put these into the draft." in said and "Put these into the draft" not in said
    assert client.post("/access/proxy/nginx/keys/", ASKED).status_code == 403
    assert services.current_draft() is None


@pytest.mark.parametrize(
    ("name", "doubt"),
    [("registry.local", "mDNS"), ("192.0.2.7", "This is an address"), ("registry", "This name has no dot.")],
)
def test_names_that_make_trouble_are_doubted(client: Any, as_role: Any, name: str, doubt: str) -> None:
    as_role(Role.VIEWER)
    page = client.get("/access/proxy/nginx/", {**ASKED, "name": name, "harbor": "192.0.2.8"})
    assert page.status_code == 200 and doubt in words(page)


def test_the_page_says_by_which_address_docker_login_goes_until_the_next_deployment(client: Any, as_role: Any) -> None:
    runs = saved(TEXT)
    as_role(Role.VIEWER)
    assert "docker login goes by it" not in words(client.get("/access/proxy/nginx/", ASKED))
    installer = Installer.objects.create(path="/opt/harbor", version="v2.15.2", source="folder", ready=True)
    Deployment.objects.create(number=1, revision=runs, installer=installer, began=True, outcome="deployed")
    said = words(client.get("/access/proxy/nginx/", ASKED))
    assert "The Harbor that runs takes https://registry.example for its address. That is revision 1" in said
    same = client.get("/access/proxy/nginx/", {**ASKED, "name": "registry.example"})
    assert "docker login goes by it" not in words(same)


def test_a_draft_that_yaml_cannot_read_is_named(client: Any, as_role: Any) -> None:
    saved("hostname: [\n")
    as_role(Role.OPERATOR)
    page = client.get("/access/proxy/nginx/", ASKED)
    assert page.status_code == 200 and "Look at the draft" in words(page)
