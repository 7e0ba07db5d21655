"""What can be wrong with one signature: each flaw makes a layer or a bundle, and says what it is worth.

The words of `stricter` and `gap` are those of the hostile cases, and so of docs/audit-differences.md: the test holds
them equal, so that a difference nobody has written down cannot pass here either.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from harborweb.registry.client import OCI_MANIFEST
from harborweb.verification.bundle import pae
from harborweb.verification.verdict import Verdict
from tests.audit.hostile.bench import IN_TOTO, Bench, Signer, b64, compact, sign_statement, simple_payload, subject
from tests.audit.hostile.bundle_cases import REFERS
from tests.audit.hostile.samples import ATTESTED
from tests.audit.hostile.simple_cases import ONE_MEANING, OTHER

TYPE = "the key may sign payloads for other purposes: cosign does not look at the type"
UTF8 = "JSON is UTF-8: Go replaces what is not, so two payloads read the same"
UNICODE = "text must be Unicode: Go replaces half a surrogate pair, Python would keep it"
STATEMENT = "a signature is an in-toto v1 statement; cosign does not look at _type"
DEEP = "JSON may be nested 64 deep; cosign's bound is 10,000"
NAMES = "members have their JSON names; protobuf's reader also takes snake_case"
EVERY = ("ecdsa", "rsa", "ed25519")


@dataclass(frozen=True)
class Making:
    """For whom and about what a signature is made: the key that is asked about, a stranger's, and the digest."""

    bench: Bench
    digest: str
    signer: Signer
    stranger: Signer
    random: Random

    def signed(self, payload: bytes) -> bytes:
        """The asked key's signature."""
        return self.signer.sign(payload)


Make = Callable[[Making], Awaitable[dict[str, Any]]]  # a layer, or the descriptor of a bundle's manifest


@dataclass(frozen=True)
class Flaw:
    """One way to make a signature; `families` are the kinds of key for which it makes sense."""

    name: str
    form: str  # "simple" or "bundle"
    expect: Verdict
    make: Make = field(repr=False)
    stricter: str = ""
    families: tuple[str, ...] = EVERY

    @property
    def accepted(self) -> bool:
        """Whether a cosign that sees it alone is thought to accept it."""
        return self.expect == Verdict.TRUSTED or bool(self.stricter)


FLAWS: list[Flaw] = []


# Simple signing: payload, then the text of the annotation, then what else stands on the layer


def _simple(
    name: str, expect: Verdict, payload: Callable[[str], bytes] = simple_payload,
    spelt: Callable[[Making, bytes], str | None] | None = None, stricter: str = "", families: tuple[str, ...] = EVERY,
    **notes: str,
) -> None:  # fmt: skip
    async def make(m: Making) -> dict[str, Any]:
        data = payload(m.digest)
        text = spelt(m, data) if spelt else b64(m.signed(data))
        return await m.bench.layer(data, text, **notes)

    FLAWS.append(Flaw(name, "simple", expect, make, stricter, families))


def _respelt(change: Callable[[Making, bytes], bytes]) -> Callable[[Making, bytes], str]:
    """An annotation of changed signature bytes."""
    return lambda m, data: b64(change(m, m.signed(data)))


def _middle(_m: Making, signature: bytes) -> bytes:
    """One bit of the last byte, which leaves the form alone."""
    return signature[:-1] + bytes([signature[-1] ^ 1])


def _padded(m: Making, data: bytes) -> str:
    """Padding behind text that needs none, or more of it."""
    text = b64(m.signed(data))
    return text + ("=" if text.endswith("=") else "==")


def _two_numbers(m: Making, signature: bytes) -> bytes:
    r, s = decode_dss_signature(signature)
    size = (m.signer.private.curve.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _pss(m: Making, data: bytes) -> str:
    return b64(m.signer.private.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()))


def _replaced(old: bytes, new: bytes) -> Callable[[str], bytes]:
    return lambda digest: simple_payload(digest).replace(old, new)


async def _predictable(m: Making) -> dict[str, Any]:
    """What cosign writes where nothing is annotated: the bytes follow from reference and digest."""
    identity = {"docker-reference": f"{m.bench.host}/{m.bench.repository}"}
    data = simple_payload(m.digest, identity=identity)
    return await m.bench.layer(data, b64(m.signed(data)))


async def _predictable_by_a_stranger(m: Making) -> dict[str, Any]:
    identity = {"docker-reference": f"{m.bench.host}/{m.bench.repository}"}
    data = simple_payload(m.digest, identity=identity)
    return await m.bench.layer(data, b64(m.stranger.sign(data)))


FLAWS.append(Flaw("predictable", "simple", Verdict.TRUSTED, _predictable))
FLAWS.append(Flaw("predictable-stranger", "simple", Verdict.UNKNOWN_KEY, _predictable_by_a_stranger))
_simple("good", Verdict.TRUSTED)
_simple("annotated", Verdict.TRUSTED, lambda digest: simple_payload(digest, optional={"env": "prod", "n": 1}))
_simple("indented", Verdict.TRUSTED, _replaced(b",", b" ,\n  "))
_simple("line-end", Verdict.TRUSTED, lambda digest: simple_payload(digest) + b"\n")
_simple("elsewhere", Verdict.TRUSTED, _replaced(b"registry.example/app", b"other.example/app"))
_simple("wrapped", Verdict.TRUSTED, spelt=lambda m, data: "\r\n".join((t := b64(m.signed(data)), ""))[: len(t) + 2])
_simple("two-numbers", Verdict.TRUSTED, spelt=_respelt(_two_numbers), families=("ecdsa",))
_simple("stranger", Verdict.UNKNOWN_KEY, spelt=lambda m, data: b64(m.stranger.sign(data)))
_simple("bit-flipped", Verdict.UNKNOWN_KEY, spelt=_respelt(_middle))
_simple("edited", Verdict.UNKNOWN_KEY, spelt=lambda m, data: b64(m.signed(data + b" ")))
_simple(
    "other-hash", Verdict.UNKNOWN_KEY, families=("ecdsa", "rsa"),
    spelt=lambda m, data: b64(m.signer.sign(data, hashes.SHA512())),
)  # fmt: skip
_simple("pss", Verdict.UNKNOWN_KEY, spelt=_pss, families=("rsa",))
_simple("other-digest", Verdict.INVALID, lambda _digest: simple_payload(OTHER))
_simple("capital-digest", Verdict.INVALID, lambda d: simple_payload(d).replace(d.encode(), d.upper().encode()))
_simple("bare-digest", Verdict.INVALID, lambda d: simple_payload(d).replace(b"sha256:", b""))
_simple("no-digest", Verdict.INVALID, lambda digest: simple_payload(digest, image={}))
_simple("no-json", Verdict.INVALID, lambda _digest: b"signed")
_simple("bom", Verdict.INVALID, lambda digest: b"\xef\xbb\xbf" + simple_payload(digest))
_simple("utf-16", Verdict.INVALID, lambda digest: simple_payload(digest).decode().encode("utf-16"))
_simple("two-values", Verdict.INVALID, lambda digest: simple_payload(digest) * 2)
_simple("list-of-optional", Verdict.INVALID, lambda digest: simple_payload(digest, optional=["env=prod"]))
_simple("number-as-type", Verdict.INVALID, lambda digest: simple_payload(digest, type=1))
_simple("nan", Verdict.INVALID, _replaced(b"null", b'{"n":NaN}'))
_simple("missing", Verdict.INVALID, spelt=lambda _m, _data: None)
_simple("empty", Verdict.INVALID, spelt=lambda _m, _data: "")
_simple("no-base64", Verdict.INVALID, spelt=lambda m, data: b64(m.signed(data))[:-4] + "!!!!")
_simple("space", Verdict.INVALID, spelt=lambda m, data: b64(m.signed(data)).replace("A", " A", 1) + " ")
_simple("padded-more", Verdict.INVALID, spelt=lambda m, data: _padded(m, data))
_simple("cut", Verdict.INVALID, spelt=_respelt(lambda _m, signature: signature[:-3]))
_simple("trailing", Verdict.INVALID, spelt=_respelt(lambda _m, signature: signature + b"\0\0\0"))
_simple(
    "zeros", Verdict.INVALID, spelt=lambda _m, _data: b64(encode_dss_signature(0, 0)), families=("ecdsa",)
)  # fmt: skip
_simple("certificate-none", Verdict.INVALID, **{"dev.sigstore.cosign/certificate": "none"})
_simple("log-none", Verdict.INVALID, **{"dev.sigstore.cosign/bundle": "{"})
_simple(
    "critical-twice", Verdict.INVALID, lambda d: simple_payload(d)[:-1] + b',"critical":' + _critical(d) + b"}",
    stricter=ONE_MEANING,
)  # fmt: skip
_simple("capitals", Verdict.INVALID, _replaced(b'"critical"', b'"CRITICAL"'), stricter=ONE_MEANING)
_simple("other-type", Verdict.INVALID, lambda d: simple_payload(d, type="atomic container signature"), stricter=TYPE)
_simple("latin", Verdict.INVALID, _replaced(b"null", b'{"n":"\xe9"}'), stricter=UTF8)
_simple("surrogate", Verdict.INVALID, _replaced(b"null", b'{"n":"\\ud800"}'), stricter=UNICODE)


def _critical(digest: str) -> bytes:
    return simple_payload(digest)[len(b'{"critical":') : -len(b',"optional":null}')]


# Bundles: statement, envelope, bundle, and the manifest around it


def _bundle(
    name: str, expect: Verdict, *, statement: Callable[[str], bytes] = sign_statement,
    envelope: Callable[[Making, dict[str, Any]], dict[str, Any]] | None = None,
    bundle: Callable[[dict[str, Any]], Any] | None = None, hint: str | None = None,
    manifest: Callable[[str], dict[str, Any]] | None = None, stricter: str = "", by: str = "signer",
    families: tuple[str, ...] = EVERY,
) -> None:  # fmt: skip
    async def make(m: Making) -> dict[str, Any]:
        signer: Signer = getattr(m, by)
        body = statement(m.digest)
        signature = {"sig": b64(signer.sign(pae(IN_TOTO, body)))}
        whole: Any = {"payload": b64(body), "payloadType": IN_TOTO, "signatures": [signature]}
        if envelope is not None:
            whole = envelope(m, whole)
        whole = m.bench.bundle(whole, signer.public.hint if hint is None else getattr(m, hint, m).public.hint)
        if bundle is not None:
            whole = bundle(whole)
        over = manifest(m.digest) if manifest is not None else {}
        return await m.bench.bundle_manifest(whole, m.digest, **over)

    FLAWS.append(Flaw(name, "bundle", expect, make, stricter, families))


def _statement(**over: Any) -> Callable[[str], bytes]:
    return lambda digest: sign_statement(digest, **over)


def _resigned(change: Callable[[Making, bytes], bytes]) -> Callable[[Making, dict[str, Any]], dict[str, Any]]:
    """The envelope with another signature over its statement."""

    def changed(m: Making, envelope: dict[str, Any]) -> dict[str, Any]:
        body = sign_statement(m.digest)
        return envelope | {"signatures": [{"sig": b64(change(m, body))}]}

    return changed


def _member(change: Callable[[Making, dict[str, Any]], None]) -> Callable[[Making, dict[str, Any]], dict[str, Any]]:
    """The envelope after `change` has been at it."""

    def changed(m: Making, envelope: dict[str, Any]) -> dict[str, Any]:
        change(m, envelope)
        return envelope

    return changed


def _over(**members: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda bundle: bundle | members


def _in_snake_case(bundle: dict[str, Any]) -> bytes:
    return compact(bundle).replace(b'"mediaType"', b'"media_type"').replace(b'"dsseEnvelope"', b'"dsse_envelope"')


def _no_hint(bundle: dict[str, Any]) -> dict[str, Any]:
    return bundle | {"verificationMaterial": {"publicKey": {}}}


def _elsewhere(_digest: str) -> dict[str, Any]:
    return {"subject": {"mediaType": OCI_MANIFEST, "size": 400, "digest": OTHER}}


PROVENANCE = "https://slsa.dev/provenance/v1"
_bundle("good", Verdict.TRUSTED)
_bundle("no-hint", Verdict.TRUSTED, bundle=_no_hint)
_bundle("hint-of-a-stranger", Verdict.TRUSTED, hint="stranger")
_bundle("second-subject", Verdict.TRUSTED, statement=lambda d: sign_statement(d, subject=[subject(OTHER), subject(d)]))
_bundle("annotated", Verdict.TRUSTED, statement=lambda d: sign_statement(d, subject=[subject(d, env="prod")]))
_bundle(
    "our-key-id", Verdict.TRUSTED,
    envelope=_member(lambda m, one: one["signatures"][0].update(keyid=m.signer.public.key_id)),
)  # fmt: skip
_bundle("stranger", Verdict.UNKNOWN_KEY, by="stranger")
_bundle(
    "statement-alone-no-hint", Verdict.UNKNOWN_KEY, bundle=_no_hint,
    envelope=_resigned(lambda m, body: m.signed(body)),
)  # fmt: skip
_bundle("claims-our-key", Verdict.INVALID, by="stranger", hint="signer")
_bundle("bit-flipped", Verdict.INVALID, envelope=_resigned(lambda m, body: _middle(m, m.signed(pae(IN_TOTO, body)))))
_bundle("statement-alone", Verdict.INVALID, envelope=_resigned(lambda m, body: m.signed(body)))
_bundle("cut", Verdict.INVALID, envelope=_resigned(lambda m, body: m.signed(pae(IN_TOTO, body))[:-3]))
_bundle("other-digest", Verdict.INVALID, statement=lambda _digest: sign_statement(OTHER))
_bundle("no-subject", Verdict.INVALID, statement=_statement(subject=[]))
_bundle(
    "capital-subject", Verdict.INVALID,
    statement=lambda d: sign_statement(d, subject=[{"digest": {"sha256": d[7:].upper()}}]),
)  # fmt: skip
_bundle("unknown-member-in-statement", Verdict.INVALID, statement=_statement(more=1))
_bundle("statement-no-json", Verdict.INVALID, statement=lambda _digest: b"statement")
_bundle("statement-twice", Verdict.INVALID, statement=lambda digest: sign_statement(digest) * 2)
_bundle(
    "two-signatures", Verdict.INVALID, envelope=_member(lambda _m, one: one["signatures"].append(one["signatures"][0]))
)  # fmt: skip
_bundle("no-signature", Verdict.INVALID, envelope=_member(lambda _m, one: one["signatures"].clear()))
_bundle(
    "strangers-key-id", Verdict.INVALID,
    envelope=_member(lambda m, one: one["signatures"][0].update(keyid=m.stranger.public.key_id)),
)  # fmt: skip
_bundle("no-signature-bytes", Verdict.INVALID, envelope=_member(lambda _m, one: one["signatures"][0].update(sig="")))
_bundle("payload-type", Verdict.INVALID, envelope=_member(lambda _m, one: one.update(payloadType="application/json")))
_bundle("no-payload", Verdict.INVALID, envelope=_member(lambda _m, one: one.update(payload="")))
_bundle("v0.2", Verdict.INVALID, bundle=_over(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.2"))
_bundle("unknown-member", Verdict.INVALID, bundle=_over(more=1))
_bundle("no-material", Verdict.INVALID, bundle=_over(verificationMaterial={}))
_bundle("no-envelope", Verdict.INVALID, bundle=lambda one: {k: v for k, v in one.items() if k != "dsseEnvelope"})
_bundle("garbage", Verdict.INVALID, bundle=lambda _one: b"garbage")
_bundle("half", Verdict.INVALID, bundle=lambda one: compact(one)[:200])
_bundle("refers-elsewhere", Verdict.INVALID, manifest=_elsewhere, stricter=REFERS)
_bundle("refers-to-nothing", Verdict.INVALID, manifest=lambda _digest: {"subject": None}, stricter=REFERS)
_bundle("statement-0.1", Verdict.INVALID, statement=_statement(_type="https://in-toto.io/Statement/v0.1"),
        stricter=STATEMENT)  # fmt: skip
_bundle("deep", Verdict.INVALID, stricter=DEEP, statement=lambda d: sign_statement(d, predicate={"n": _nested(100)}))
_bundle("snake-case", Verdict.INVALID, bundle=_in_snake_case, stricter=NAMES)
_bundle("provenance", Verdict.ATTESTATION_ONLY, statement=_statement(predicateType=PROVENANCE), stricter=ATTESTED)
_bundle("provenance-by-stranger", Verdict.ATTESTATION_ONLY, statement=_statement(predicateType=PROVENANCE),
        by="stranger")  # fmt: skip


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _level in range(depth):
        value = [value]
    return value
