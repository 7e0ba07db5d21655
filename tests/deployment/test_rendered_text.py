"""Rendered files as they are compared and shown: what rotates does not count, no secret is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harborweb.deployment.rendered_text import compare, differing, steady, veiled

SECRET = "S3cret#pass word"
ENV = "common/config/core/env"


@pytest.mark.parametrize(
    "line",
    [
        f"HARBOR_ADMIN_PASSWORD={SECRET}",
        f"_REDIS_URL_CORE=redis://default:{SECRET.replace(' ', '%20').replace('#', '%23')}@redis:6379/0",
        "CORE_SECRET=qqqqqqqqqqqqqqqq",
        "CSRF_KEY=qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq",
        '  "token": "qqqqqqqqqqqqqqqq", "x": 1',
        "    secretkey: qqqqqqqqqqqqqqqq",
        "  - accesskey: 'qqqqqqqqqqqqqqqq'",
        "registry_url: https://me:qqqqqqqqqqqqqqqq@registry.example/",
        "https_proxy=http://me:qqqqqqqqqqqqqqqq@proxy.example:3128",
        "https_proxy=http://me:qqqq@qqqq/qqqq:qqqq@proxy.example:3128",  # as people write it, unquoted
        'proxy_set_header Authorization "Basic cXFxcXFxcXFxcXE=";',
        f"# somebody noted {SECRET} here",
        f"add_header X-Key {SECRET};",
    ],
)
def test_no_secret_is_shown(line: str) -> None:
    [shown] = veiled(ENV, line, [SECRET])
    assert "•••" in shown
    assert "S3cret" not in shown and "qqqq" not in shown and "cXFx" not in shown


@pytest.mark.parametrize(
    "line",
    [
        "LOG_LEVEL=info", "  image: goharbor/harbor-core:v2.15.2", "KEY_PATH=/etc/core/key", "client_max_body_size 0;",
        "SECRET_FILE=/run/secrets/x", "ssl_certificate_key /etc/cert/server.key;", "", "    - ./common/config/core/env",
    ],
)  # fmt: skip
def test_what_is_no_secret_is_shown(line: str) -> None:
    assert "".join(veiled(ENV, line, [SECRET])) == line


def test_blocks_and_private_keys_are_hidden_line_by_line() -> None:
    text = (
        "secret: |\n  one\n  two\n\nlevel: info\n"
        "-----BEGIN RSA PRIVATE KEY-----\nabcd\n-----END RSA PRIVATE KEY-----\nafter: 1\n"
    )
    assert veiled("x.yml", text, []) == [
        "secret: |", "  •••", "  •••", "", "level: info", "•••", "•••", "•••", "after: 1",
    ]  # fmt: skip


def test_the_password_file_shows_names_only() -> None:
    assert veiled("common/config/registry/passwd", "harbor_registry_user:$2y$05$qqqq\n", []) == [
        "harbor_registry_user:•••"
    ]


BEFORE = {
    ENV: b"CORE_SECRET=aaaaaaaaaaaaaaaa\nCSRF_KEY=bbbb\nREGISTRY_CREDENTIAL_PASSWORD=cc\nLOG_LEVEL=info\n",
    "common/config/registry/passwd": b"harbor_registry_user:$2y$05$aaaa\n",
    "common/config/portal/nginx.conf": b"a\n",
}


def test_another_run_of_prepare_differs_in_nothing() -> None:
    after = {
        ENV: b"CORE_SECRET=zzzzzzzzzzzzzzzz\nCSRF_KEY=yyyy\nREGISTRY_CREDENTIAL_PASSWORD=xx\nLOG_LEVEL=info\n",
        "common/config/registry/passwd": b"harbor_registry_user:$2y$05$zzzz\n",
        "common/config/portal/nginx.conf": b"a\n",
    }
    assert differing(BEFORE, after) == []
    for path, data in BEFORE.items():
        diff = compare(path, data, after[path], [])
        assert diff is not None and diff.hunks == ()


def test_secrets_of_other_names_rotate_too_but_the_operators_own_do_not() -> None:
    old, new = b"NEW_THING_SECRET=0123456789abcdef\n", b"NEW_THING_SECRET=fedcba9876543210\n"
    assert steady("x/env", old) != steady("x/env", new)
    assert steady("x/env", old, []) == steady("x/env", new, [])
    assert steady("x/env", old, ["0123456789abcdef"]) != steady("x/env", new, ["0123456789abcdef"])


def test_hand_edits_beside_what_rotates_are_seen() -> None:
    after = {**BEFORE, ENV: BEFORE[ENV].replace(b"aaaa", b"zzzz").replace(b"info", b"debug"), "mine.conf": b"x"}
    del after["common/config/portal/nginx.conf"]
    assert differing(BEFORE, after) == [ENV, "common/config/portal/nginx.conf", "mine.conf"]
    diff = compare(ENV, BEFORE[ENV], after[ENV], [])
    assert diff is not None
    assert [line.text for hunk in diff.hunks for line in hunk.lines if line.sign] == [
        "LOG_LEVEL=info",
        "LOG_LEVEL=debug",
    ]


def test_a_file_that_is_no_text_has_no_diff() -> None:
    assert compare("x", b"\xff\xfe\x00", b"a", []) is None


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_two_texts_can_be_compared(old: str, new: str) -> None:
    diff = compare("x/env", old.encode("utf-8", "replace"), new.encode("utf-8", "replace"), [SECRET])
    assert diff is not None
    if old == new:
        assert diff.hunks == ()
