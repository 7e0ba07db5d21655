"""No secret is left in what is shown, and every line stays where it was."""

import pytest

from harborweb.configuration.diff import compare
from harborweb.configuration.text.document import Document
from harborweb.configuration.veil import masked, masked_lines
from harborweb.errors import Problem
from tests import parts

TEXT = """\
harbor_admin_password: Sup3rSecret!  # was OldSecret99
database:
  password: 'it''s secret'
  # password: commented-one
proxy:
  http_proxy: http://user:proxypass@proxy.example:3128
external_redis: {host: r, password: "flowpass"}
storage_service:
  s3:
    accesskey: AKIAEXAMPLE
    secretkey: |
      blocksecret-one
      blocksecret-two
    bucket: pictures
trivy:
  # github_token: ghp_commented
  github_token: "long \\
    folded-secret"
note: Sup3rSecret! stands here again
# remember: the harbor_admin_password: is Sup3rSecret! too
# old token = abcdef
private_key: /certs/a.key
"""
SECRETS = ["Sup3rSecret", "it''s", "commented-one", "proxypass", "flowpass", "AKIAEXAMPLE", "blocksecret",
           "ghp_commented",
           "folded-secret", "abcdef"]  # fmt: skip


def test_every_secret_is_dots_and_every_line_stays() -> None:
    document = Document(TEXT)
    shown = masked(document)
    for secret in SECRETS:
        assert secret not in shown
    assert shown.count("\n") == TEXT.count("\n")
    lines = masked_lines(document)
    assert lines[0].startswith("harbor_admin_password: •••")
    assert lines[5] == "  http_proxy: http://user:•••@proxy.example:3128"
    assert lines[6] == "external_redis: {host: r, password: •••}"
    assert lines[13] == "    bucket: pictures"
    assert lines[-1] == "private_key: /certs/a.key"


def test_text_without_secrets_is_shown_as_it_is() -> None:
    text = parts.shared("harbor.yml-2.15.tmpl").read_text()
    lines = masked_lines(Document(text))
    differing = [new for old, new in zip(text.split("\n"), lines, strict=False) if old != new]
    assert differing == [
        "harbor_admin_password: •••",
        "  password: •••",
        "  # github_token: •••",
        "#     password: •••",
    ]


def test_a_changed_secret_shows_as_a_changed_line() -> None:
    old = Document(TEXT)
    diff = compare(old, old.set("harbor_admin_password", "An0therSecret"))
    signs = [(line.sign, line.number) for hunk in diff.hunks for line in hunk.lines if line.sign]
    assert signs == [("-", 1), ("+", 1)]
    assert all("ecret!" not in line.text and "An0ther" not in line.text for hunk in diff.hunks for line in hunk.lines)


@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_a_secret_on_the_first_line(bom: str) -> None:
    assert masked_lines(Document(f"{bom}password: abc\nx: 1\n")) == [f"{bom}password: •••", "x: 1"]


def test_a_secret_that_stands_elsewhere_is_masked_there() -> None:
    text = "x: &p ab1\ny: &q shown\ndatabase:\n  password: *p\n  user: *q\nz: {a: &r longer-secret, token: *r}\n"
    lines = masked(Document(text))
    assert "ab1" not in lines and "longer-secret" not in lines
    assert "shown" in lines and "*p" in lines


@pytest.mark.parametrize(
    "text",
    [
        "storage_service:\n  azure:\n    accountkey:HIDE-me-77\n",  # without a blank it is a text, not a key
        "database: |\n  password: HIDE-me-77\n",
        "other: see password=HIDE-me-77\n",
        'proxy: {"secret":HIDE-me-77}\n',
    ],
)
def test_what_looks_like_a_key_and_is_none_shows_no_secret(text: str) -> None:
    assert "HIDE" not in masked(Document(text))


@pytest.mark.parametrize("sign", ["*", "&a &", "&", "!", "!x!", "!!", "%", "@", "`"])
def test_a_password_that_yaml_takes_for_something_else_is_not_quoted_in_its_complaint(sign: str) -> None:
    try:
        shown = masked(Document(f"harbor_admin_password: {sign}HIDEme77\nother: {sign}HIDEme77 x\n"))
    except Problem as problem:
        shown = f"{problem.message} {problem.advice}"
    assert "HIDEme77" not in shown
