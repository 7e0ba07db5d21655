"""The error decoder: every message in the words of several programs, masking, ranking, and the page."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harborweb.access.decoder.engine import LIMIT, TABLE, decode
from harborweb.access.decoder.links import PAGES, link, step
from harborweb.access.decoder.message import Certainty
from harborweb.access.decoder.services import read
from harborweb.access.decoder.veil import veiled
from harborweb.access.place import Place
from harborweb.errors import Problem
from tests.access.messages import CRI, SAID

KEYS = {message.key: message for message in TABLE}
PLACE = Place("https://harbor.lab.example:8443")


@pytest.mark.parametrize(("key", "words"), SAID, ids=[f"{n}-{key}" for n, (key, _words) in enumerate(SAID)])
def test_each_message_is_known_in_its_words(key: str, words: str) -> None:
    found = decode(words)
    assert [finding.message.key for finding in found.findings][:1] == [key]
    for proof in found.findings[0].words:
        assert proof in words
    assert found.text == words
    assert step(found.findings[0].message.fixes[0], PLACE).text


def test_every_message_of_the_table_is_held_by_words() -> None:
    assert {key for key, _words in SAID} == set(KEYS)
    assert len(KEYS) == len(TABLE) >= 40


def test_every_message_says_what_to_do() -> None:
    for message in TABLE:
        assert str(message.cause).endswith(".") and str(message.why).endswith(".") and message.fixes, message.key
        for fix in message.fixes:
            shown = step(fix, PLACE)
            assert bool(shown.url and shown.action) == bool(fix.page), message.key
            assert "{" not in shown.lines and shown.text.endswith("."), message.key


def test_lines_have_this_harbors_name_and_cannot_be_injected() -> None:
    fix = next(fix for fix in KEYS["x509-name"].fixes if fix.lines)
    assert "-connect harbor.lab.example:8443 -servername harbor.lab.example" in step(fix, PLACE).lines
    assert "harbor.example:443" in step(fix, None).lines
    odd = step(fix, Place("https://harbor.lab.example/$(id)"))
    assert "$(id)" not in odd.lines


def test_a_reason_stands_before_what_only_says_that_it_failed() -> None:
    events = (
        f'Warning  Failed  8s  kubelet  {CRI}failed to do request: Head "https://harbor.lab.example/v2/": dial tcp: '
        "lookup harbor.lab.example on 10.0.0.1:53: no such host\n"
        "Warning  Failed  8s  kubelet  Error: ErrImagePull\nWarning  Failed  7s  kubelet  Error: ImagePullBackOff\n"
    )
    assert [finding.message.key for finding in decode(events).findings] == ["no-such-host"]
    alone = decode("Error: ErrImagePull\nError: ImagePullBackOff").findings
    assert {finding.message.certainty for finding in alone} == {Certainty.WRAPPER}


def test_several_causes_are_ranked_and_numbered_in_the_paste() -> None:
    said = 'Get "https://h/v2/": x509: certificate signed by unknown authority; Get "http://h/v2/": EOF'
    found = decode("first line\n" + said)
    assert [finding.message.key for finding in found.findings] == ["x509-unknown-authority", "eof"]
    assert [piece.number for piece in found.pieces if piece.number] == [1, 2]
    assert found.findings[0].line == 2
    assert decode(f"{said}\n{said}").findings[0].times == 2


def test_the_longer_words_win() -> None:
    both = "unauthorized: unauthorized to access repository: a/b, action: pull"
    assert [finding.message.key for finding in decode(both).findings] == ["robot-or-user-may-not"]
    slow = decode("lookup h on 1.1.1.1:53: read udp 1.2.3.4:5->1.1.1.1:53: i/o timeout")
    assert [finding.message.key for finding in slow.findings] == ["dns-fails"]
    safe = "docker login --username 'robot$team+ci' --password-stdin h < file"
    assert decode(safe).findings == ()
    assert decode("docker login -u robot\\$team+ci h").findings == ()


def test_what_is_not_known_is_not_guessed() -> None:
    assert decode("flux capacitor: 1.21 gigawatts required").findings == ()
    assert decode("Login Succeeded\nStatus: Image is up to date for h/a/b:1").findings == ()


def test_hosts_that_are_not_this_harbor_are_told() -> None:
    said = 'Get "https://harbor.lab.example/v2/": x509: certificate signed by unknown authority'
    assert read(said, PLACE).elsewhere == ("harbor.lab.example",)
    assert read(said.replace("example/", "example:8443/"), PLACE).elsewhere == ()
    assert read(said, None).elsewhere == ()


SECRETS = (
    "Authorization: Basic cm9ib3Q6U0VDUkVUMQ==", "authorization: bearer SECRET1.abc", 'Authorization:[Basic SECRET1=]',
    "Proxy-Authorization: Basic SECRET1", "X-Registry-Auth: SECRET1", "Cookie: sid=SECRET1; other=SECRET1",
    "docker login -u me -p SECRET1 h", "docker login -u me -pSECRET1 h", "docker login -p 'SECRET1 SECRET1' h",
    "podman login --password SECRET1 h", "podman login --password=SECRET1 h",
    'login --password "SECRET1 and SECRET1" h',
    "echo SECRET1 | docker login --password-stdin h", "echo 'SECRET1 x' | sudo podman login --password-stdin h",
    "docker login --password-stdin h <<< SECRET1", "curl -u admin:SECRET1 https://h/", "ctr i pull --user me:SECRET1 x",
    "skopeo copy --dest-creds me:SECRET1 a b", "kubectl create secret docker-registry x --docker-password=SECRET1",
    "export HARBOR_PASSWORD=SECRET1", "HARBOR_PASS='SECRET1 SECRET1'", "API_KEY=SECRET1", "token=SECRET1&x=1",
    '{"auths":{"h":{"auth":"SECRET1"}}}', '{\\"auths\\":{\\"h\\":{\\"auth\\":\\"SECRET1\\"}}}',
    '{"username":"me","password":"SECRET1"}', '"identitytoken": "SECRET1"', "password: SECRET1", "  passwd : SECRET1",
    "https://me:SECRET1@h/v2/", "https://s3/x?X-Amz-Credential=a&X-Amz-Signature=SECRET1&y=1",
    "token eyJhbGciOiJSUzI1NiJ9.SECRET1SECRET1.SECRET1", "glpat-SECRET1SECRET1", "dckr_pat_SECRET1SECRET1",
    "-----BEGIN EC PRIVATE KEY-----\nSECRET1\nSECRET1\n-----END EC PRIVATE KEY-----",
    ".dockerconfigjson: SECRET1SECRET1",
)  # fmt: skip


@pytest.mark.parametrize("line", SECRETS)
def test_secrets_are_hidden(line: str) -> None:
    text = f"before\n{line}\nunknown blob\n"
    shown = decode(text).text
    assert "SECRET1" not in shown and "cm9ib3Q6" not in shown
    assert "•••" in shown and shown.startswith("before\n") and shown.endswith("unknown blob\n")


def test_what_is_no_secret_stays() -> None:
    for line in (
        "docker login --username 'robot$team+ci' --password-stdin harbor.lab.example < harbor-password.txt",
        "no basic auth credentials", "unauthorized: authentication required", "basic authentication failed",
        'Www-Authenticate: Bearer realm="https://h/service/token",service="harbor-registry"', "Password: ",
        "insufficient_scope: authorization failed", "docker run -p 8080:80 h/a/b",
    ):  # fmt: skip
        assert veiled(line) == line


@pytest.mark.parametrize(
    "hostile",
    ["a" * LIMIT, "a-" * (LIMIT // 2), '"' * LIMIT, "lookup " * (LIMIT // 7), "x509: certificate is valid for " * 2000,
     "signing " * (LIMIT // 8), "://a:" * (LIMIT // 5), "login -p " * (LIMIT // 9), "\x1b[" * (LIMIT // 2),
     "unexpected status " * 3600, "unknown blob\n" * 5000, "password" * 8000, "-" * LIMIT, "eyJ" * 20000, "\n" * LIMIT,
     "current image with " * 3000, "echo " * 13000, "Authorization: " * 4000,
     ("echo " + " " * 3000) * 20, "echo a" + " " * 60000, "authorization:x" * 4300, "\\\"auth\\\":\\\"" * 5000],
)  # fmt: skip
def test_no_paste_takes_long(hostile: str) -> None:
    begun = time.process_time()
    decode(hostile)
    assert time.process_time() - begun < 3


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=60), st.sampled_from([words for _key, words in SAID])), max_size=6))
def test_any_paste_is_read_whole(parts: list[str]) -> None:
    found = decode("\n".join(parts))
    assert all(finding.words for finding in found.findings)
    assert {piece.number for piece in found.pieces} - {0} == set(range(1, len(found.findings) + 1))
    assert not set(found.text) & set("\x00\x1b\u202e")


def test_too_much_and_nothing_are_refused() -> None:
    for paste in ("", "  \n", "x" * (LIMIT + 1), "ä" * (LIMIT // 2 + 1)):
        with pytest.raises(Problem) as error:
            read(paste, None)
        assert error.value.field == "paste"
    assert read("x" * LIMIT, None).cards == ()


def test_every_page_that_a_step_may_lead_to_is_used_and_there() -> None:
    assert {fix.page for message in TABLE for fix in message.fixes if fix.page} | {"store"} == set(PAGES)
    for page in PAGES:
        assert link(page)[0].startswith("/")
