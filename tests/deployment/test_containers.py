"""Why containers ended, what they may do, their logs on the page: everything but the engine itself."""

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.deployment import rendered
from harborweb.deployment.containers import live, pages, reasons, views, watching
from harborweb.deployment.models import Deployment, Host
from harborweb.jobs.models import Job
from harborweb.masking import Masker
from harborweb.sealing import redis_client
from tests.deployment.test_pages import deployed, host, revision

NAME = "harbor-core"


def container(name: str = NAME, **fields: Any) -> dict[str, Any]:
    """A container as `looking` writes it."""
    usual = {
        "id": f"id-of-{name}", "name": name, "image": f"goharbor/{name}:v2.15.0", "service": "core", "state": "running",
        "health": "healthy", "exit_code": None, "error": "", "ports": [], "restarts": 0, "well": True,
        "since": "2026-11-23T10:00:00.123456789Z", "restart_policy": "always", "detached": True,
    }  # fmt: skip
    return {**usual, **fields}


def ended(code: int, **fields: Any) -> dict[str, Any]:
    return container(state="exited", health="", exit_code=code, well=False, **fields)


# ---- why ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "said", "shape"),
    [
        (ended(0), "ended by itself and reported no error", "off"),
        (ended(1), "error code 1; what it said last", "bad"),
        (ended(125), "The engine itself could not run it", "bad"),
        (ended(126), "cannot be executed (126)", "bad"),
        (ended(127), "not in the image (127)", "bad"),
        (ended(132), "this processor lacks an instruction", "bad"),
        (ended(134), "(134 = 128 + ABRT)", "bad"),
        (ended(137), "docker kill, a stop that waited in vain", "bad"),
        (ended(137, oom_killed=True, memory_limit=64 * 2**20), "wanted more than its limit of 64\xa0MiB", "bad"),
        (ended(137, oom_killed=True), "the machine itself had none left", "bad"),
        (ended(139), "It crashed (139", "bad"),
        (ended(143), "asked to stop and did (143", "off"),
        (ended(190), "(190 = 128 + 62)", "bad"),
        (ended(255), "an entry script that failed", "bad"),
        (ended(1, oom_killed=True), "A process in it was killed for want of memory.", "bad"),
        (container(oom_killed=True), "A process in it was killed for want of memory.", "good"),
        (container(restarts=3), "started it again 3 times", "good"),
        (container(state="restarting", exit_code=None, restarts=7), "keeps starting it again, 7 times", "bad"),
        (container(state="created", health=""), "made and never started", "queued"),
        (container(state="paused"), "docker unpause", "off"),
        (container(state="dead", exit_code=1), "could not remove it whole", "bad"),
        (ended(128, error="Bind for 0.0.0.0:80 failed: port is already allocated"), "The engine says: Bind for", "bad"),
    ],
)
def test_why_a_container_is_as_it_is(one: dict[str, Any], said: str, shape: str) -> None:
    assert said in reasons.why(one)
    assert reasons.shape(one) == shape


def test_nothing_is_said_of_one_that_runs_well() -> None:
    assert reasons.why(container()) == ""
    assert reasons.word(container()) == "Running"
    assert reasons.word(ended(137)) == "Exited (137)"


@pytest.mark.parametrize(
    ("size", "words"),
    [(64 * 2**20, "64 MiB"), (1.5 * 2**30, "1.5 GiB"), (2**30, "1 GiB"), (6_500_000, "6.2 MiB"), (0, "0 MiB")],
)
def test_memory_is_said_as_docker_takes_it(size: float, words: str) -> None:
    assert reasons.memory(size).replace("\xa0", " ") == words


def test_flags_say_what_it_may_do_with_what_deserves_a_look_marked() -> None:
    one = container(
        privileged=True, cap_add=["NET_ADMIN"], cap_drop=["ALL"], no_new_privileges=True, read_only=True, user="10000",
        restart_policy="on-failure:3", memory_limit=2**30, cpu_limit=0.5,
    )  # fmt: skip
    found = {flag.word: flag.kind for flag in pages.flags(one)}
    assert found == {
        "privileged": "warn", "−ALL +NET_ADMIN": "warn", "no-new-privileges": "", "read-only": "", "user 10000": "",
        "restart: on-failure:3": "", "detached": "", "memory ≤ 1\xa0GiB": "", "CPUs ≤ 0.50": "",
    }  # fmt: skip
    plain = {flag.word: flag.kind for flag in pages.flags(container(restart_policy="no", detached=False))}
    assert plain == {"restart: no": "warn", "attached": "warn"}
    (user,) = [flag for flag in pages.flags(container(user="0:0")) if flag.word.startswith("user")]
    assert user.meaning == "Its programs run as root."


# ---- lines ----------------------------------------------------------------------------------------------------


@pytest.fixture
def buffer(redis_settings: str) -> Iterator[Any]:
    """The real Redis, empty of live things before and after."""
    client = redis_client()
    yield client
    for key in client.scan_iter("harborweb:live:*"):
        client.delete(key)


def put(client: Any, *texts: str, name: str = NAME, at: int = 1_795_456_800_000_000_000) -> None:
    live.put_lines(client, name, [(at + number * 1000, text, False) for number, text in enumerate(texts)])


def test_lines_keep_their_order_even_when_clocks_do_not(buffer: Any) -> None:
    moments = [5_000_000_500, 5_000_000_499, 5_000_000_499, 4_000_000_000, 6_000_000_000]
    live.put_lines(buffer, NAME, [(moment, f"line {n}", False) for n, moment in enumerate(moments)])
    found = live.lines(NAME)
    assert [line.text for line in found] == ["line 0", "line 1", "line 2", "line 3", "line 4"]
    assert [line.text for line in live.lines(NAME, found[2].id)] == ["line 3", "line 4"]
    assert live.lines(NAME, found[-1].id) == []
    assert [line.text for line in live.lines(NAME, most=2)] == ["line 3", "line 4"]
    assert len(live.lines(NAME, "garbage-(*")) == 5


def test_no_more_is_kept_than_the_limit_and_not_for_ever(buffer: Any) -> None:
    put(buffer, *[f"line {number}" for number in range(live.KEPT + 50)])
    found = live.lines(NAME, most=live.KEPT * 2)
    assert (len(found), found[0].text) == (live.KEPT, "line 50")
    assert 0 < buffer.ttl(live.stream_key(NAME)) <= live.STAYS


def test_asking_wakes_a_worker_only_where_none_serves(buffer: Any) -> None:
    assert not live.ask(live.TABLE, live.log_of(NAME))
    assert not live.ask(live.TABLE)
    assert buffer.llen(live.WAKE) == 1
    assert 0 < buffer.ttl(live.asked_key(live.log_of(NAME))) <= live.LOOKING
    buffer.delete(live.WAKE)
    buffer.set(live.SERVING, "somebody", ex=5)
    assert live.ask(live.TABLE)
    assert buffer.llen(live.WAKE) == 0


def test_without_redis_pages_know_nothing_and_say_so(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert not live.ask(live.TABLE)
    assert live.table() is None
    assert live.lines(NAME) == []


def test_old_news_of_the_table_is_none(buffer: Any) -> None:
    live.put_table(buffer, live.Table(time.time(), [container()]))
    assert live.table() is not None
    live.put_table(buffer, live.Table(time.time() - 60, [container()]))
    assert live.table() is None


class Watch(watching.Watch):
    """The watch with a masker of the test."""

    def __init__(self, client: Any, *secrets: str) -> None:
        super().__init__(client)
        self._masker = Masker(secrets)

    def fresh(self, log: Any, *raw: str) -> list[str]:
        return [text for _at, text, _note in self._new(list(raw), log)]


def test_only_what_is_new_is_taken_from_the_engine_answer(buffer: Any) -> None:
    watch, log = Watch(buffer, "hunter2hunter2"), watching._Log()
    one, two = "2026-11-23T18:01:56.295987367Z one", "2026-11-23T18:01:56.295987368Z two hunter2hunter2"
    late = "2026-11-23T18:01:56.295987300Z came late"
    assert watch.fresh(log, one) == ["one"]
    assert watch.fresh(log, one, two) == ["two •••"]
    assert watch.fresh(log, one, late, two) == ["came late"]
    assert watch.fresh(log, two) == []
    assert log.newest == 1_795_456_916_295_987_368


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("2026-11-23T18:01:56.1Z \x1b[31mred\x1b[0m\r", "red"),
        ("2026-11-23T18:01:56.123456789Z tab\there, bell\x07, C1 \x9b", "tab\there, bell�, C1 �"),
        ("2026-11-23T18:01:56Z", ""),
        ("no time at all", "no time at all"),
        ("2026-11-23T18:01:56Z " + "x" * 100_000, "x" * watching.LINE + " …"),
        ("2026-11-23T18:01:56Z <script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
def test_odd_lines_become_plain_text(buffer: Any, raw: str, shown: str) -> None:
    assert Watch(buffer).fresh(watching._Log(), raw) == [shown]


def test_lines_that_were_missed_are_said(buffer: Any) -> None:
    watch, log = Watch(buffer), watching._Log()
    watch.fresh(log, "2026-11-23T18:01:56.000000001Z first")
    many = [f"2026-11-23T18:01:57.{number:09d}Z x" for number in range(live.KEPT)]
    assert "some before these are not shown" in watch.fresh(log, *many)[0]


# ---- pages ----------------------------------------------------------------------------------------------------

pages_db = pytest.mark.django_db(transaction=True)


def get(client: Any, name: str, *args: Any, **query: str) -> str:
    answer = client.get(reverse(f"deployment:{name}", args=args), query)
    assert answer.status_code == 200, answer.content[:500]
    return str(answer.content.decode()).replace("&#x27;", "'").replace("\xa0", " ")


def seen(client: Any, *rows: dict[str, Any], **fields: Any) -> None:
    """What the host worker saw just now."""
    live.put_table(client, live.Table(time.time(), list(rows), **fields))


@pages_db
def test_the_page_shows_what_ended_first_with_why_flags_and_use(as_role: Callable[[int], Any], buffer: Any) -> None:
    deployed()
    host()
    seen(
        buffer, container("harbor-core", cpu=0.034, memory=120 * 2**20, memory_limit=256 * 2**20),
        ended(137, oom_killed=True, memory_limit=2**30) | {"name": "registry", "image": "registry:1"},
        container("nginx", health="unhealthy", well=False, health_output="curl: (7) <refused>", health_exit=7),
    )  # fmt: skip
    page = get(as_role(Role.VIEWER), "containers")
    assert "2 of 3 containers need a look: nginx, registry." in page
    assert page.index("registry:1") < page.index("goharbor/harbor-core")
    assert "wanted more than its limit of 1 GiB" in page
    assert "3.4 %" in page and "120 MiB of 256 MiB" in page
    assert "curl: (7) &lt;refused&gt;" in page
    assert "restart: always" in page
    assert buffer.exists(live.asked_key(live.TABLE))


@pages_db
def test_without_live_news_the_page_shows_what_the_host_worker_wrote_last(
    as_role: Callable[[int], Any], buffer: Any
) -> None:
    deployed()
    host(containers=[container()])
    client = as_role(Role.VIEWER)
    assert "Its 1 container is well." in get(client, "containers")
    Host.objects.update(seen=timezone.now() - timedelta(minutes=5))
    page = get(client, "containers")
    assert "No host worker answers" in page
    assert "state good" not in page


@pages_db
def test_what_the_engine_lacks_is_said(as_role: Callable[[int], Any], buffer: Any) -> None:
    deployed()
    host()
    seen(buffer, problem="No Docker engine answers.", advice="Start it.")
    assert "No Docker engine answers." in get(as_role(Role.VIEWER), "containers_table")


@pages_db
def test_a_container_with_its_log_filtered_paused_and_downloaded(as_role: Callable[[int], Any], buffer: Any) -> None:
    deployed()
    host()
    seen(buffer, container())
    put(buffer, "hello", "[ERROR] <b>Redis</b> is away", "level=warning msg=slow redis", "bye")
    client = as_role(Role.VIEWER)
    page = get(client, "container", NAME)
    assert "&lt;b&gt;Redis&lt;/b&gt; is away" in page and "bye" in page
    assert "hx-get=" in page.split('class="log-ask"')[1]
    only = get(client, "container", NAME, only="warn")
    assert "slow redis" in only and "hello" not in only
    found = get(client, "container", NAME, q="REDIS")
    assert found.count("<mark>") == 2 and "<mark>Redis</mark>" in found and "hello" not in found
    assert "None of the last 4 lines matches" in get(client, "container", NAME, q=".*")
    paused = get(client, "container", NAME, paused="1")
    assert 'class="log-ask"' not in paused and "Go on" in paused
    answer = client.get(reverse("deployment:container_log", args=[NAME]), {"q": "redis"})
    assert answer["Content-Disposition"] == 'attachment; filename="harbor-core.log"'
    assert answer["Content-Type"].startswith("text/plain")
    assert re.findall(r"\S+Z (.*)", answer.content.decode()) == [
        "[ERROR] <b>Redis</b> is away",
        "level=warning msg=slow redis",
    ]


@pages_db
def test_the_page_asks_for_what_comes_after_its_last_line(as_role: Callable[[int], Any], buffer: Any) -> None:
    deployed()
    host()
    seen(buffer, container())
    put(buffer, "one", "two")
    last = live.lines(NAME)[-1].id
    client = as_role(Role.VIEWER)
    answer = get(client, "container_lines", NAME, after=last)
    assert "log-text" not in answer and f"after={last}" in answer
    put(buffer, "three", at=1_795_456_801_000_000_000)
    answer = get(client, "container_lines", NAME, after=last)
    assert answer.count("log-text") == 1 and "three" in answer
    # what does not match moves the mark on all the same
    assert f"after={live.lines(NAME)[-1].id}" in get(client, "container_lines", NAME, after=last, q="nothing")
    assert 'id="container-state" hx-swap-oob="true"' in answer


@pages_db
def test_a_container_that_is_not_there(as_role: Callable[[int], Any], buffer: Any) -> None:
    deployed()
    host()
    client = as_role(Role.OPERATOR)
    for name in ("container", "container_log", "container_act"):
        assert client.get(reverse(f"deployment:{name}", args=["elsewhere"]), {"do": "stop"}).status_code == 404


@pages_db
def test_asking_for_a_container_that_is_not_there_leaves_nothing_in_redis(
    as_role: Callable[[int], Any], buffer: Any
) -> None:
    """A key for every name that somebody types would be theirs to multiply."""
    client = as_role(Role.VIEWER)
    for page in ("container", "container_lines", "container_log"):
        client.get(reverse(f"deployment:{page}", args=["made-up"]))
    assert not redis_client().exists(live.asked_key(live.log_of("made-up")))


def test_a_line_full_of_what_is_searched_for_is_marked_a_bounded_number_of_times() -> None:
    assert len(views._parts("a" * 4000, "a")) <= 2 * views.MARKS + 1
    assert "".join(text for text, _marked in views._parts("ba" * 2000, "a")) == "ba" * 2000


@pages_db
def test_acting_asks_first_is_recorded_and_happens_once(as_role: Callable[[int], Any], buffer: Any) -> None:
    deployed()
    host(containers=[container()])
    client, address = as_role(Role.OPERATOR), reverse("deployment:container_act", args=[NAME])
    assert "Nobody can sign in" in get(client, "container_act", NAME, do="restart")
    assert Job.objects.filter(kind="container").count() == 0
    for _again in range(2):
        assert client.post(address, {"do": "restart"}).status_code == 302
    (job,) = Job.objects.filter(kind="container")
    assert (job.queue, job.arguments) == ("host", {"name": NAME, "action": "restart"})
    assert set(Activity.objects.filter(subject=NAME).values_list("action", flat=True)) == {"restart container"}
    answer = client.post(address, {"do": "stop"})
    assert answer.status_code == 409
    assert "is still going on" in answer.content.decode()
    assert client.get(address, {"do": "remove"}).status_code == 404


@pages_db
def test_only_operators_see_and_do_it(as_role: Callable[[int], Any], buffer: Any) -> None:
    deployed()
    host(containers=[container()])
    client = as_role(Role.SIGNER)
    assert "Restart…" not in get(client, "container", NAME)
    assert client.post(reverse("deployment:container_act", args=[NAME]), {"do": "stop"}).status_code == 403


@pages_db
def test_the_compose_file_is_shown_without_secrets_and_with_what_changed(as_role: Callable[[int], Any]) -> None:
    first = deployed()
    second = Deployment.objects.create(number=2, revision=revision(2), installer=first.installer, who="test")
    text = "services:\n  core:\n    image: a:{}\n    environment:\n      - CORE_SECRET={}\n      - LOG_LEVEL=info\n"
    env = b"POSTGRESQL_PASSWORD=generated-for-db\nLOG_LEVEL=info\n"
    for made, tag, secret in ((first, "1", "secret-of-the-page"), (second, "2", "generated-for-db")):
        made_text = text.format(tag, secret) + f"    command: run --with {secret}\n"
        rendered.keep(made, {"docker-compose.yml": made_text.encode(), "common/config/db/env": env})
    client = as_role(Role.VIEWER)
    page = get(client, "compose")
    assert "Since deployment 1: 3 lines added, 3 removed." in page
    assert "image: a:2" in page and "LOG_LEVEL=info" in page
    assert "secret-of-the-page" not in page and "generated-for-db" not in page
    old = get(client, "compose", deployment="1")
    assert "the first one kept" in old and "image: a:2" not in old
    assert "secret-of-the-page" not in old
    assert client.get(reverse("deployment:compose"), {"deployment": "7"}).status_code == 404


@pages_db
def test_without_a_kept_compose_file_the_page_says_when_there_will_be_one(as_role: Callable[[int], Any]) -> None:
    assert "No compose file is kept yet." in get(as_role(Role.VIEWER), "compose")


def test_what_is_kept_is_json_that_the_page_can_read(buffer: Any) -> None:
    seen(buffer, container(cap_add=("CHOWN",)))
    raw = buffer.get("harborweb:live:table")
    assert json.loads(raw)["rows"][0]["cap_add"] == ["CHOWN"]
