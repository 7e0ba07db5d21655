"""The wizard's sections as a browser without JavaScript sees them, with the real template."""

import html
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from harborweb.accounts.roles import Role
from harborweb.configuration import services, switches
from harborweb.configuration.answers import State, answered
from harborweb.configuration.fields import FIELDS, SECTIONS, Kind, of_section
from harborweb.configuration.models import Draft, Revision
from harborweb.configuration.searching import found
from harborweb.configuration.switches import SWITCHES
from harborweb.configuration.text.document import Document
from harborweb.configuration.wizard import Wizard
from tests import parts
from tests.configuration.browsing import Form
from tests.configuration.test_answers import odd

pytestmark = pytest.mark.django_db
NAMES = [section.name for section in SECTIONS]
SECRET = "Wh4t-Nobody-May-See"


@pytest.fixture
def template() -> str:
    return parts.shared("harbor.yml-2.15.tmpl").read_text()


@pytest.fixture
def operator(as_role: Callable[[int], Client]) -> Client:
    return as_role(Role.OPERATOR)


@pytest.fixture
def draft(db: None, template: str) -> Draft:
    return services.start_draft(template, origin="Harbor 2.15.2")


def text() -> str:
    current = services.current_draft()
    assert current is not None
    return current.text()


def words(response: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def form(client: Client, name: str) -> Form:
    return Form(client.get(f"/configuration/draft/{name}/").content.decode(), "answers")


def send(client: Client, name: str, *button: str, **typed: Any) -> Any:
    """Open a section, type, press a button; `typed` has __ for the dots of keys and `choose_` for choices."""
    named = {key.replace("choose_", "choose:").replace("__", "."): value for key, value in typed.items()}
    return client.post(f"/configuration/draft/{name}/answer/", form(client, name).data(*(button or ("stay",)), **named))


@pytest.mark.parametrize("name", NAMES)
def test_a_section_saved_as_it_was_shown_changes_no_byte(operator: Client, draft: Draft, name: str) -> None:
    send(operator, name)
    current = services.current_draft()
    assert current is not None
    assert (current.text(), current.version, current.typed()) == (draft.text(), draft.version, {})


CHOSEN = [
    {
        "storage": "s3", "storage_service.s3.secretkey": SECRET, "storage_service.s3.region": "eu",
        "external_url": "https://r.example",
    },
    {"database": "external_database", "external_database.harbor.password": SECRET, "redis": "sentinel", "tls": "proxy"},
    {
        "redis": "external", "external_redis.password": SECRET, "external_redis.tlsOptions.enable": "true",
        "logs": "external",
    },
    {
        "tracing": "otel", "metrics": "on", "ip": "both", "internal_tls": "on", "trace.attributes": "a: b",
        "tls": "nowhere",
    },
    {"tracing": "agent", "storage": "azure", "jobservice.job_loggers": "DB", "proxy.components": "", "ip": "ipv6"},
]  # fmt: skip


@pytest.mark.parametrize("answers", CHOSEN)
def test_also_with_every_choice_made_it_changes_no_byte(
    operator: Client, template: str, answers: dict[str, str]
) -> None:
    begun = State(template, template, template, {}, from_installer=True)
    chosen = answered(begun, answers)
    services.import_text(chosen.text, origin="a file", request=_request(operator))
    for name in NAMES:
        send(operator, name)
        assert text() == chosen.text, name
        page = operator.get(f"/configuration/draft/{name}/").content.decode()
        assert SECRET not in page


def _request(client: Client) -> Any:
    """A request of the signed-in person, as services take it."""
    response = client.get("/configuration/")
    return response.wsgi_request


@pytest.mark.parametrize("name", NAMES)
def test_every_section_with_odd_values_is_written_exactly_and_undone_whole(
    operator: Client, draft: Draft, template: str, name: str
) -> None:
    fields = [field for field in of_section(name) if switches.asked(field.key) and field.key != "_version"]
    fields = [field for field in fields if switches.place(field.key) is None]
    wizard = Wizard(services.state_of(draft), name)
    typed: dict[str, Any] = {}
    for question in wizard.questions:
        if question.field in fields:
            raw = odd(question.field, question.raw)
            typed[question.field.key] = ["", *raw.splitlines()] if question.field.kind is Kind.LIST else raw
    send(operator, name, **typed)
    expected = answered(
        State(template, template, template, {}, from_installer=True),
        {key: raw if isinstance(raw, str) else "\n".join(raw) for key, raw in typed.items()},
    )
    assert text() == expected.text
    for field in fields:
        if field.kind not in (Kind.LIST, Kind.MAPPING):
            assert Document(text()).get(field.key) is not None, field.key
    page = operator.get(f"/configuration/draft/{name}/")
    if fields:
        assert f"Undo this page ({len(typed)} change" in words(page)
        assert page.content.decode().count('class="changed"') >= len(typed)
    send(operator, name, "undo_section")
    assert text() == template


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: switch.name)
def test_a_choice_shows_its_fields_and_off_gives_the_comment_back(
    operator: Client, draft: Draft, template: str, switch: switches.Switch
) -> None:
    first = services.state_of(draft).choice(switch.name)
    for choice in switch.choices:
        send(operator, switch.section, **{f"choose_{switch.name}": choice.value})
        for path in choice.on:
            assert Document(text()).has(path), path
        page = operator.get(f"/configuration/draft/{switch.section}/").content.decode()
        assert re.search(rf'name="choose:{switch.name}" value="{choice.value}" checked', page)
        for field in of_section(switch.section):
            if switches.asked(field.key):
                assert f'name="{field.key}"' in page or field.key == "_version"
    send(operator, switch.section, **{f"choose_{switch.name}": first})
    assert text() == template


def test_undo_of_one_answer_of_a_choice_and_of_everything(operator: Client, draft: Draft, template: str) -> None:
    send(operator, "storage", choose_storage="s3", storage_service__s3__bucket="b 1", data_volume="/srv/h")
    send(operator, "storage", "undo", "storage_service.s3.bucket", storage_service__s3__region="eu-1")
    assert Document(text()).get("storage_service.s3.region") == "eu-1"
    assert Document(text()).get("storage_service.s3.bucket") is None
    send(operator, "storage", "undo", "storage")
    assert text() == template.replace("data_volume: /data\n", "data_volume: /srv/h\n")
    send(operator, "address", hostname="r.example")
    current = services.current_draft()
    assert current is not None
    assert operator.post("/configuration/draft/begin-again/", {"version": current.version}).status_code == 302
    assert text() == template


def test_a_secret_is_set_kept_replaced_and_taken_away_without_being_shown(operator: Client, draft: Draft) -> None:
    send(operator, "redis", choose_redis="external", external_redis__password=SECRET)
    assert Document(text()).get("external_redis.password") == SECRET
    send(operator, "redis", external_redis__host="redis.example:6379")
    assert Document(text()).get("external_redis.password") == SECRET
    page = operator.get("/configuration/draft/redis/")
    assert SECRET not in page.content.decode()
    assert "set, not shown" in words(page) and "Take it away" in words(page)
    send(operator, "redis", "clear", "external_redis.password")
    assert not Document(text()).has("external_redis.password")
    assert Document(text()).get("external_redis.host") == "redis.example:6379"


def test_a_password_inside_an_address_is_not_shown_and_stays(operator: Client, draft: Draft) -> None:
    send(operator, "proxy", proxy__http_proxy=f"http://me:{SECRET}@proxy.example:3128")
    page = operator.get("/configuration/draft/proxy/")
    assert SECRET not in page.content.decode() and 'value="http://me:•••@proxy.example:3128"' in page.content.decode()
    send(operator, "proxy", proxy__no_proxy=".example")
    assert Document(text()).get("proxy.http_proxy") == f"http://me:{SECRET}@proxy.example:3128"
    send(operator, "proxy", proxy__http_proxy="http://you:•••@other.example")
    assert Document(text()).get("proxy.http_proxy") == f"http://you:{SECRET}@other.example"
    send(operator, "proxy", proxy__http_proxy="http://you:new@other.example")
    assert Document(text()).get("proxy.http_proxy") == "http://you:new@other.example"


def test_each_field_says_how_it_stands_in_words(operator: Client, draft: Draft) -> None:
    send(operator, "jobs", jobservice__max_job_workers="4", jobservice__logger_sweeper_duration="0")
    page = operator.get("/configuration/draft/jobs/").content.decode()
    state = re.search(r'id="id_jobservice_max_job_workers_state">(.*?)<code', page, re.DOTALL)
    assert state is not None
    assert "changed from 10" in state[1] and "needs a restart" in state[1] and "<svg" in state[1]
    assert 'name="undo" value="jobservice.max_job_workers"' in state[1]
    untouched = re.search(r'id="id_jobservice_max_job_duration_hours_state">(.*?)<code', page, re.DOTALL)
    assert untouched is not None and "default" in untouched[1] and "changed" not in untouched[1]
    trouble = re.search(r'id="id_jobservice_logger_sweeper_duration_error">(.*?)<p class="help"', page, re.DOTALL)
    assert trouble is not None and ("error-box" in trouble[1] or "notice warn" in trouble[1])
    folder = operator.get("/configuration/draft/storage/").content.decode()
    assert "Cannot be changed once Harbor has run." in html.unescape(folder)


def test_a_list_an_on_off_and_names_with_values_by_their_controls(operator: Client, draft: Draft) -> None:
    send(operator, "jobs", jobservice__job_loggers=["", "FILE", "DB"])
    assert Document(text()).items("jobservice.job_loggers") == ["FILE", "DB"]
    send(operator, "proxy", proxy__components=[""])
    assert Document(text()).items("proxy.components") == []
    send(operator, "advanced", cache__enabled=["false", "true"], core__quota_update_provider="redis")
    assert Document(text()).get("cache.enabled") is True
    assert Document(text()).get("core.quota_update_provider") == "redis"
    send(operator, "metrics", choose_tracing="otel", trace__attributes="team: blue\r\nzone: b\r\n")
    assert Document(text()).get("trace.attributes.team") == "blue"
    refused = send(operator, "metrics", trace__attributes="no value")
    assert refused.status_code == 422 and "is no name with a value" in words(refused)
    assert "no value" in refused.content.decode()


def test_keys_that_are_not_ours_are_shown_with_their_line_and_kept(operator: Client) -> None:
    ours = parts.shared("harbor.yml-2.15.tmpl").read_text()
    more = (
        ours
        + "\nskip_me: true\nmine:\n  label: front\n  api_token: tok-123456789\n"
        + "  sas: AbCdEfGh0123456789AbCdEf\n  many: [a, b]\n"
    )
    services.import_text(more, origin="a file", request=_request(operator))
    page = operator.get("/configuration/draft/advanced/")
    shown = words(page)
    for key, value in (("skip_me", "true"), ("mine.label", "front"), ("mine.many", "a, b")):
        assert f"{key} {value} {Document(more).line(key)}" in shown
    assert "tok-123456789" not in page.content.decode() and "AbCdEfGh0123456789AbCdEf" not in page.content.decode()
    assert f"mine.sas ••• {Document(more).line('mine.sas')}" in shown
    send(operator, "advanced", cache__enabled=["false", "true"])
    assert text() == more.replace(
        "cache:\n  # not enabled by default\n  enabled: false", "cache:\n  # not enabled by default\n  enabled: true"
    )


@pytest.mark.parametrize(
    ("query", "key", "where"),
    [
        ("sentinel_master_set", "external_redis.sentinel_master_set", "redis"),
        ("max job workers", "", ""),
        ("job workers", "jobservice.max_job_workers", "jobs"),
        ("reverse proxy's", "", ""),
        ("FORCEPATHSTYLE", "storage_service.s3.forcepathstyle", "storage"),
        ("crash", "", ""),
        ("air-gapped", "trivy.offline_scan", "scanner"),  # in the template's comment alone
        ("golang ' <script>", "", ""),
    ],
)
def test_search_finds_by_name_help_or_comment(operator: Client, draft: Draft, query: str, key: str, where: str) -> None:
    page = operator.get("/configuration/draft/search/", {"q": query})
    assert page.status_code == 200 and "<script>" not in page.content.decode().split("<main")[1]
    if key:
        assert f"/configuration/draft/{where}/#id_{key.replace('.', '_')}_field" in page.content.decode()
        fragment = operator.get(
            "/configuration/draft/search/", {"q": query}, headers={"HX-Request": "true", "HX-Target": "found"}
        )
        assert fragment.content.decode().startswith('<section class="panel found"') and key in words(fragment)
        linked = operator.get(f"/configuration/draft/{where}/").content.decode()
        assert f'id="id_{key.replace(".", "_")}_field"' in linked


def test_every_key_is_found_by_its_name_and_leads_to_a_place_that_is_there(operator: Client, draft: Draft) -> None:
    pages = {name: operator.get(f"/configuration/draft/{name}/").content.decode() for name in NAMES}
    state = services.state_of(draft)
    for field in FIELDS:
        hit = found(state, field.key)[0]
        assert hit.key == field.key
        assert f'id="{hit.anchor}"' in pages[hit.slug], field.key


def test_validation_of_a_page_takes_no_longer_than_a_tenth_of_a_second(operator: Client, draft: Draft) -> None:
    data = form(operator, "storage").data()
    best = 1.0
    for number in range(8):
        data["choose:storage"], data["storage_service.s3.bucket"] = ["s3"], [f"bucket-{number}"]
        began = time.process_time()  # what this machine does besides is not meant
        assert operator.post("/configuration/draft/storage/preview/", data).status_code == 200
        best = min(best, time.process_time() - began)
    assert best <= 0.1


FLAWED = {
    "crlf": ("\n", "\r\n"), "bom": ("# Configuration file", "\ufeff# Configuration file"),
    "tab": ("  port: 80\n", "\tport: 80\n"), "trailing_comment": ("data_volume: /data\n", "data_volume: /data # big\n"),
    "duplicate": (
        "harbor_admin_password: Harbor12345\n",
        f"harbor_admin_password: {SECRET}1\nharbor_admin_password: {SECRET}2\n",
    ),
}  # fmt: skip


def test_a_draft_says_what_it_was_begun_from(operator: Client, template: str) -> None:
    whole = template.replace("reg.mydomain.com", "registry.example").replace("/your/", "/etc/harbor/")
    operator.post("/configuration/import/read/", {"file": SimpleUploadedFile("mine.yml", whole.encode())})
    assert "A draft of the first revision." in words(operator.get("/configuration/draft/address/"))
    operator.post("/configuration/draft/review/save/", {"version": services.current_draft().version})  # type: ignore[union-attr]
    operator.post("/configuration/import/read/", {"file": SimpleUploadedFile("other.yml", template.encode())})
    assert "A draft begun from other.yml." in words(operator.get("/configuration/draft/address/"))
    operator.post("/configuration/draft/discard/", {"version": services.current_draft().version})  # type: ignore[union-attr]
    operator.post("/configuration/revisions/1/edit/")
    assert "A draft begun from revision 1." in words(operator.get("/configuration/draft/address/"))


def test_among_windows_line_ends_a_repair_shows_what_else_changes(operator: Client, template: str) -> None:
    flawed = template.replace("data_volume: /data\n", "data_volume: /data # big\n").replace("\n", "\r\n")
    upload = SimpleUploadedFile("harbor.yml", flawed.encode())
    operator.post("/configuration/import/read/", {"file": upload}, follow=True)
    page = operator.get("/configuration/draft/repair/")
    shown = words(page)
    assert "lines get another line end." in shown and "more lines like these" not in shown
    assert 'aria-label="before"' in page.content.decode() and 'aria-label="now"' in page.content.decode()
    assert page.content.decode().count("diff-line") < 12


@pytest.mark.parametrize("kind", FLAWED)
def test_a_flaw_is_named_repaired_when_asked_and_taken_back(operator: Client, template: str, kind: str) -> None:
    flawed = template.replace(*FLAWED[kind])
    upload = SimpleUploadedFile("harbor.yml", flawed.encode())
    arrived = operator.post("/configuration/import/read/", {"file": upload}, follow=True)
    assert text() == flawed
    assert "Line " in words(arrived) and SECRET not in arrived.content.decode()
    page = operator.get("/configuration/draft/repair/")
    assert "Repair this" in words(page) and SECRET not in page.content.decode()
    if kind == "crlf":  # a line for each line end would bury what else changes
        ends = template.count("\n")
        assert f"{ends} lines get another line end." in words(page) and "diff-line" not in page.content.decode()
    current = services.current_draft()
    assert current is not None
    asked = {"version": current.version, "kind": kind}
    done = operator.post("/configuration/draft/repair/now/", asked, follow=True)
    assert "Nothing to repair" in words(done)
    assert Document(text()) and text() != flawed
    if kind == "crlf":
        assert text() == template
    send(operator, "address", hostname="kept.example")
    current = services.current_draft()
    assert current is not None
    taken = operator.post("/configuration/draft/repair/take-back/", {"version": current.version}, follow=True)
    if kind in ("tab", "duplicate"):  # what YAML cannot read cannot hold the answer
        assert "Undo those answers first" in words(taken)
        send(operator, "address", "undo", "hostname")
        current = services.current_draft()
        assert current is not None
        operator.post("/configuration/draft/repair/take-back/", {"version": current.version})
        assert text() == flawed
    else:
        assert text() == flawed.replace("hostname: reg.mydomain.com", "hostname: kept.example")


def test_a_draft_that_cannot_be_read_leads_to_its_flaws_everywhere(operator: Client, template: str) -> None:
    flawed = template.replace("  port: 80\n", "\tport: 80\n")
    services.import_text(flawed, origin="a file", request=_request(operator))
    for path in ("draft/", "draft/address/", "draft/review/", "draft/file/", "draft/search/?q=port", "draft/first/"):
        assert operator.get(f"/configuration/{path}", follow=True).redirect_chain[-1][0].endswith("/draft/repair/")
    assert "Look at the flaws" in words(operator.get("/configuration/"))
    version = services.current_draft().version  # type: ignore[union-attr]
    operator.post("/configuration/draft/address/answer/", {"version": version, "hostname": "x.example"})
    assert text() == flawed
    operator.post("/configuration/draft/discard/", {"version": version})
    assert services.current_draft() is None


def test_the_one_page_makes_a_revision_and_leads_to_its_deployment(operator: Client, draft: Draft) -> None:
    began = operator.get("/configuration/draft/", follow=True)
    assert began.redirect_chain[-1][0] == "/configuration/draft/first/"
    sent = Form(began.content.decode(), "first")
    offered = dict(sent.values)["harbor_admin_password"]
    assert "error-box" not in began.content.decode()
    refused = operator.post("/configuration/draft/first/answer/", sent.data("deploy"))
    assert refused.status_code == 422 and "The host name" in words(refused)
    assert not Revision.objects.exists()
    again = Form(refused.content.decode(), "first")
    typed = {"hostname": "registry.example", "choose:tls": "nowhere", "data_volume": "/srv/harbor"}
    saved = operator.post("/configuration/draft/first/answer/", again.data("deploy", **typed))
    revision = Revision.objects.get()
    assert saved["Location"] == f"/deployment/deploy/?revision={revision.number}"
    document = Document(revision.text())
    assert document.get("harbor_admin_password") == offered
    assert document.get("database.password") not in (None, "root123")
    assert (document.get("hostname"), document.has("https")) == ("registry.example", False)
    changed = sum(
        one != other
        for one, other in zip(
            document.lines, Document(parts.shared("harbor.yml-2.15.tmpl").read_text()).lines, strict=True
        )
    )
    assert changed == 4 + 8, "four answers, and the eight lines of the https block"


def test_the_one_page_does_not_make_up_the_password_of_a_database_that_ran(operator: Client, draft: Draft) -> None:
    first = Form(operator.get("/configuration/draft/first/").content.decode(), "first").data(
        "deploy", **{"hostname": "r.example", "choose:tls": "nowhere", "make_up:database.password": ""}
    )
    operator.post("/configuration/draft/first/answer/", first)
    assert Document(Revision.objects.get().text()).get("database.password") == "root123"
    operator.post("/configuration/revisions/1/edit/")
    page = operator.get("/configuration/draft/first/").content.decode()
    assert "make_up:" not in page
    assert "Password of admin" in page and "set, not shown" in page
