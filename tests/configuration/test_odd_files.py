"""Files nobody here has written: the wizard shows them, changes nothing by itself, and takes every choice back."""

import json

import pytest

from harborweb.configuration import mending, switches
from harborweb.configuration.answers import State, answered, undone, undone_section
from harborweb.configuration.fields import SECTIONS
from harborweb.configuration.others import other_keys
from harborweb.configuration.switches import SWITCHES
from harborweb.configuration.wizard import Wizard
from tests import parts

REST = "_version: 2.15.0\nharbor_admin_password: Abcdefg1\ndata_volume: /data\n"
ODD = {
    "flow": "hostname: a.b\nhttp: {port: 80}\nhttps: {port: 443, certificate: /a, private_key: /b}\n"
    "storage_service: {s3: {bucket: x, region: y}}\nproxy: {components: [core]}\n" + REST,
    "all in flow": "{hostname: a.b, http: {port: 80}}",
    "empty blocks": "hostname:\nhttp:\nhttps:\nexternal_database:\nstorage_service:\nmetric:\ntrace:\nlog:\n" + REST,
    "no blocks": "hostname: a\nhttp: 80\nexternal_database: x\nexternal_redis: []\nstorage_service: s3\n"
    "redis: 5\n" + REST,
    "anchors": "x: &a\n  port: 80\nhttp: *a\nhostname: &h foo.bar\nexternal_url: *h\n" + REST,
    "all drivers": "hostname: a.b\nstorage_service:\n  filesystem:\n    maxthreads: 100\n  s3:\n    bucket: b\n"
    "    region: r\n  gcs:\n    bucket: q\n" + REST,
    "both exporters": "hostname: a\ntrace:\n  enabled: true\n  jaeger:\n    endpoint: x\n    agent_host: y\n"
    "  otel:\n    endpoint: z\n" + REST,
    "dotted names": "hostname: a\ntrace:\n  enabled: true\n  attributes:\n    a.b: c\n    d: [1]\n"
    "  otel:\n    endpoint: x\n",
    "off by its key": "hostname: a\nmetric:\n  enabled: false\n  port: 9\n  path: /m\n" + REST,
    "foreign": "hostname: a\nfoo:\n  - a: 1\n    b: [1, {c: d}]\nbar: {k: v, pw: z}\n'odd key': 3\n"
    "proxy:\n  components: core\n",
    "without an end": "hostname: a\nhttp:\n  port: 80",
    "long text": "hostname: a.b\nharbor_admin_password: |\n  Secret\n  two\nstorage_service:\n  gcs:\n    bucket: b\n"
    "    keyfile: >-\n      /a/b\n      c\n",
    "a block twice, once in a comment": "# external_database:\n#   harbor:\n#     host: example\n#     port: 5432\n"
    "hostname: a\nexternal_database:\n  harbor:\n    host: db\n    port: 5432\n    db_name: r\n    username: u\n"
    "    password: p\n    ssl_mode: disable\n#     max_idle_conns: 2\n" + REST,
}  # fmt: skip


def unchanged(state: State) -> None:
    """Every page can be made, and sending it back as it was shown writes nothing."""
    assert isinstance(other_keys(state.document), list)
    for section in SECTIONS:
        wizard = Wizard(state, section.name)
        answers = {q.field.key: q.raw for q in wizard.questions if not q.field.secret and not q.locked}
        answers |= {switch.name: state.choice(switch.name) for switch in switches.of_section(section.name)}
        assert answered(state, answers) == state, section.name
        assert len(wizard.rail) == len(SECTIONS) and wizard.diff.hunks == ()


@pytest.mark.parametrize("name", ODD)
def test_an_odd_file_is_shown_and_every_choice_is_taken_back(name: str) -> None:
    begun = State(ODD[name], ODD[name], ODD[name])
    unchanged(begun)
    for switch in SWITCHES:
        for choice in switch.choices:
            chosen = answered(begun, {switch.name: choice.value})
            assert chosen.choice(switch.name) == choice.value
            if chosen.text == begun.text and switch.name in chosen.typed and switch.name != switches.TLS:
                assert any(fault.key == switch.name for fault in chosen.faults())  # refused, and said so
            assert undone(chosen, switch.name).text == begun.text, choice.value
            assert undone_section(chosen, switch.section).text == begun.text, choice.value


def test_every_configuration_that_prepare_met_is_shown_and_left_alone() -> None:
    for case in json.loads(parts.shared("prepare-verdicts.json").read_text()):
        text = case["harbor_yml"]
        if mending.readable(text):
            unchanged(State(text, text, text))


TAKEN_BACK = {
    "a port that the live block never had": (
        "hostname: a.b\nhttps:\n    certificate: /a\n    private_key: /b\n", (("https.port", "8443"),)
    ),
    "an empty answer to what is nowhere": ("hostname: a.b\n", (("cache.enabled", ""),)),
    "a block that came before an empty one": (
        "hostname: a.b\nmetric:\n  # enabled: true\n", (("metrics", "on"), ("redis.harbor_db_index", "7"))
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "answers"), TAKEN_BACK.values(), ids=TAKEN_BACK)
def test_answers_are_taken_back_section_by_section(text: str, answers: tuple[tuple[str, str], ...]) -> None:
    begun = state = State(text, parts.shared("harbor.yml-2.15.tmpl").read_text(), text)
    for name, answer in answers:
        state = answered(state, {name: answer})
    assert state.text != text
    for section in SECTIONS:
        state = undone_section(state, section.name)
    assert state == begun
