"""The table of what cosign can do, and the commands that are built from it."""

import pytest

from harborweb.tools import cosign, cosign_features
from harborweb.tools.cosign import Access, Cosign, Outcome
from harborweb.tools.cosign_features import Version, can, flags, parse, signs_with, supported, vulnerable


def version(text: str) -> Version:
    found = parse(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "numbers", "shown"),
    [
        ("v3.1.2", (3, 1, 2), "3.1.2"),
        ("2.5.0", (2, 5, 0), "2.5.0"),
        ("2.5.0+dfsg-2", (2, 5, 0), "2.5.0+dfsg-2"),
        ("v3.0.4-rc1", (3, 0, 4), "3.0.4-rc1"),
    ],
)
def test_versions_are_read(text: str, numbers: tuple[int, int, int], shown: str) -> None:
    assert version(text).numbers == numbers
    assert str(version(text)) == shown


@pytest.mark.parametrize("text", ["devel", "", "unknown", "v3"])
def test_what_is_no_version(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('{"gitVersion": "v3.1.2", "goVersion": "go1.26.8"}', Version((3, 1, 2))),
        ('{"gitVersion": "devel"}', None),
        ("{}", None),
        ("[]", None),
        ("cosign: not found", None),
        ("", None),
    ],
)
def test_the_answer_to_version_json(answer: str, expected: Version | None) -> None:
    assert cosign.parse_version(answer) == expected


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("2.5.0", True), ("2.6.1", True), ("2.6.2", False), ("2.7.0", False),
        ("3.0.0", True), ("3.0.3", True), ("3.0.4", False), ("3.1.2", False),
    ],
)  # fmt: skip
def test_vulnerable_ones(text: str, bad: bool) -> None:
    assert vulnerable(version(text)) == ("CVE-2026-22703" if bad else "")


def test_every_supported_version_has_each_needed_feature_exactly_once() -> None:
    needed = {
        "sign simple",
        "sign offline",
        "sign http",
        "verify http",
        "verify no log",
        "verify simple",
        "registry ca",
    }
    for text in ("2.5.0", "2.6.3", "3.0.0", "3.0.4", "3.1.0", "3.1.2", "4.0.0"):
        found = version(text)
        assert supported(found)
        for name in {row.name for row in cosign_features.FEATURES}:
            rows = [row for row in cosign_features.FEATURES if row.name == name and row.holds(found)]
            assert len(rows) <= 1, f"two rows say how {text} does {name}"
            assert rows or name not in needed, f"no row says how {text} does {name}"
    assert not supported(version("2.4.3"))


def test_a_feature_that_is_not_there() -> None:
    assert not can(version("2.5.0"), "sign bundle")
    with pytest.raises(LookupError, match="sign bundle"):
        flags(version("2.5.0"), "sign bundle", signing_config="x")


@pytest.mark.parametrize("kind", ["ECDSA P-256", "RSA 2048", "RSA 4096"])
def test_keys_that_each_version_signs_with(kind: str) -> None:
    assert signs_with(version("2.5.0"), kind) and signs_with(version("3.1.2"), kind)


@pytest.mark.parametrize("kind", ["ECDSA P-384", "ECDSA P-521", "Ed25519"])
def test_keys_whose_signatures_cosign_3_refuses(kind: str) -> None:
    assert signs_with(version("2.5.0"), kind) and not signs_with(version("3.1.2"), kind)


IMAGE = "registry.example/team/app@sha256:" + "a" * 64


def test_commands_of_2_5() -> None:
    program = Cosign("/usr/bin/cosign", version("2.5.0"))
    assert program.sign(IMAGE, Access()) == (
        "/usr/bin/cosign", "sign", "--yes", "--key", "env://HARBORWEB_SIGNING_KEY", "--tlog-upload=false", IMAGE,
    )  # fmt: skip
    assert program.verify(IMAGE, Access(allow_http=True, ca_file="ca.pem"), "release.pub") == (
        "/usr/bin/cosign", "verify", "--key", "release.pub", "--insecure-ignore-tlog=true", "--allow-http-registry",
        "--allow-insecure-registry", "--registry-cacert", "ca.pem", IMAGE,
    )  # fmt: skip
    assert program.format() == program.format(simple=True) == "simple"


def test_commands_of_3_1() -> None:
    program = Cosign("cosign", version("3.1.2"))
    assert program.sign(IMAGE, Access(allow_http=True)) == (
        "cosign", "sign", "--yes", "--key", "env://HARBORWEB_SIGNING_KEY", "--signing-config", "signing-config.json",
        "--trusted-root", "trusted-root.json", "--allow-http-registry", IMAGE,
    )  # fmt: skip
    simple = program.sign(IMAGE, Access(), simple=True)
    assert "--new-bundle-format=false" in simple and "--signing-config" not in simple
    assert program.verify(IMAGE, Access(allow_http=True), "k.pub")[-2:] == ("--allow-http-registry", IMAGE)
    assert (program.format(), program.format(simple=True)) == ("bundle", "simple")


def test_an_annotation_with_a_comma_stays_one() -> None:
    command = Cosign("cosign", version("3.1.2")).sign(IMAGE, Access(), annotations={"git": "abc", "note": 'a,b "c"'})
    assert command[-5:] == ("-a", "git=abc", "-a", '"note=a,b ""c"""', IMAGE)


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (0, "", Outcome.GOOD),
        (10, "Error: no signatures found", Outcome.NO_SIGNATURE),
        (12, "Error: no matching signatures: invalid signature when validating ASN.1", Outcome.MISMATCH),
        (1, "Error: no matching attestations: failed to verify signature: could not verify envelope", Outcome.MISMATCH),
        (1, "Error: reading key: decrypt: encrypted: decryption failed", Outcome.BAD_PASSWORD),
        (1, "Error: invalid pem block", Outcome.NO_KEY),
        (1, "Error: unsupported private key", Outcome.UNSUPPORTED_KEY),
        (
            1,
            "Error: Get: tls: failed to verify certificate: x509: certificate signed by unknown authority",
            Outcome.TLS,
        ),
        (1, "Error: GET http://h/v2/: UNAUTHORIZED: authentication required", Outcome.NO_ACCESS),
        (1, 'Error: Get "https://h/v2/": dial tcp 127.0.0.1:1: connect: connection refused', Outcome.UNREACHABLE),
        (1, "Error: HEAD http://h/v2/a/manifests/x: unexpected status code 404 Not Found", Outcome.GONE),
        (1, "WARNING: dial tcp is what an earlier step met\nError: something new", Outcome.FAILED),
    ],
)
def test_exits_in_words(code: int, text: str, expected: Outcome) -> None:
    assert cosign.outcome(code, text) == expected


@pytest.mark.parametrize(
    ("text", "count"), [('\n[{"critical":{}}]\n', 1), ("", 0), ("{}", 0), ("[1]", 0), ("<html>", 0)]
)
def test_payloads_that_verify_printed(text: str, count: int) -> None:
    assert len(cosign.signatures(text)) == count
