"""Simple signing: what a careful verifier meets at the `.sig` tag."""

import datetime
import json

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.x509.oid import NameOID

from harborweb.registry.client import OCI_INDEX
from harborweb.verification.simple_signing import CERTIFICATE, LOG_BUNDLE, TIMESTAMP
from harborweb.verification.verdict import Verdict
from tests.audit.hostile.bench import Bench, Signer, b64, compact, simple_payload
from tests.audit.hostile.cases import case

ONE_MEANING = "a signed payload must have one meaning: cosign takes the last of two members, and any letter case"
ONE_PLATFORM = "a signature stands in a manifest itself: cosign picks one platform out of an index"
OTHER = "sha256:" + "0" * 64
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


async def _annotated(b: Bench, text: str | None) -> str:
    """A right payload whose signature annotation is `text`."""
    digest = await b.image()
    await b.sig(digest, [await b.layer(simple_payload(digest), text)])
    return digest


async def _signed(b: Bench, payload: bytes, digest: str) -> str:
    await b.simple(digest, payload)
    return digest


# Whose, and of what


@case(Verdict.TRUSTED)
async def simple_native(b: Bench) -> str:
    """A good signature, written natively."""
    digest = await b.image()
    await b.simple(digest)
    return digest


@case(Verdict.INVALID)
async def simple_transplanted(b: Bench) -> str:
    """A trusted signature of another image, copied to this image's tag."""
    other, digest = await b.image("other"), await b.image()
    return await _signed(b, simple_payload(other), digest)


@case(Verdict.INVALID)
async def simple_transplanted_by_a_stranger(b: Bench) -> str:
    """A stranger's signature of another image, copied here."""
    digest = await b.image()
    await b.simple(digest, simple_payload(OTHER), key="stranger")
    return digest


@case(Verdict.TRUSTED)
async def one_good_among_many_bad(b: Bench) -> str:
    """Forty layers, the last of which is good."""
    digest = await b.image()
    payload = simple_payload(digest)
    stranger = [await b.layer(payload, b.signers["stranger"].sign(payload)) for _number in range(39)]
    await b.sig(digest, [*stranger, await b.layer(payload, b.trusted.sign(payload))])
    return digest


@case(Verdict.UNKNOWN_KEY)
async def a_thousand_bad(b: Bench) -> str:
    """A thousand layers, none of a trusted key."""
    digest = await b.image()
    payload = simple_payload(digest)
    await b.sig(digest, [await b.layer(payload, b.signers["stranger"].sign(payload))] * 1000)
    return digest


@case(Verdict.UNCHECKED)
async def more_than_a_thousand(b: Bench) -> str:
    """1,001 layers, one of them good: beyond cosign's bound and ours."""
    digest = await b.image()
    payload = simple_payload(digest)
    await b.sig(digest, [await b.layer(payload, b.trusted.sign(payload))] * 1001)
    return digest


@case(Verdict.UNKNOWN_KEY)
async def stranger_beside_garbage(b: Bench) -> str:
    """A stranger's sound signature beside garbage."""
    digest = await b.image()
    payload = simple_payload(digest)
    layers = [await b.layer(b"x", "!!"), await b.layer(payload, b.signers["stranger"].sign(payload))]
    await b.sig(digest, layers)
    return digest


@case(Verdict.UNSIGNED)
async def no_layers(b: Bench) -> str:
    """A manifest without layers at the .sig tag."""
    digest = await b.image()
    await b.sig(digest, [])
    return digest


@case(Verdict.INVALID)
async def an_ordinary_image_at_the_sig_tag(b: Bench) -> str:
    """An ordinary image pushed to the .sig tag."""
    digest = await b.image()
    await b.image(f"{digest.replace(':', '-')}.sig")
    return digest


@case(Verdict.INVALID, stricter=ONE_PLATFORM)
async def an_index_at_the_sig_tag(b: Bench) -> str:
    """An index at the .sig tag whose linux/amd64 manifest holds a good signature."""
    digest = await b.image()
    payload = simple_payload(digest)
    child = await b.sig(OTHER, [await b.layer(payload, b.trusted.sign(payload))])
    listed = [{**child, "platform": {"os": "linux", "architecture": "amd64"}}]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
    await b.put(f"{digest.replace(':', '-')}.sig", document, OCI_INDEX)
    return digest


@case(Verdict.TRUSTED)
async def layer_of_another_media_type(b: Bench) -> str:
    """A good signature in a layer of the media type text/plain."""
    digest = await b.image()
    payload = simple_payload(digest)
    await b.sig(digest, [await b.layer(payload, b.trusted.sign(payload), "text/plain")])
    return digest


@case(Verdict.TRUSTED)
async def good_beside_a_garbage_attestation(b: Bench) -> str:
    """A good signature beside garbage at the .att tag."""
    digest = await b.image()
    await b.simple(digest)
    await b.image(f"{digest.replace(':', '-')}.att")
    return digest


@case(Verdict.ATTESTATION_ONLY)
async def garbage_at_the_att_tag(b: Bench) -> str:
    """Garbage at the .att tag and nothing else."""
    digest = await b.image()
    await b.image(f"{digest.replace(':', '-')}.att")
    return digest


@case(Verdict.INVALID)
async def bad_signature_under_a_signed_index(b: Bench) -> str:
    """Garbage of its own under a signed index: never covered by the index."""
    child = await b.image("amd64")
    await b.simple(await b.index("v1", [child]))
    await b.sig(child, [await b.layer(b"x", "Z2FyYmFnZQ==")])
    return child


@case(Verdict.VIA_INDEX)
async def grandchild_of_a_signed_index(b: Bench) -> str:
    """An image in an index in an index that is signed."""
    child = await b.image("amd64")
    inner = await b.index("inner", [child])
    await b.simple(await b.index("v1", [inner]))
    return child


@case(Verdict.UNSIGNED)
async def index_with_signed_children(b: Bench) -> str:
    """An index that is not signed; its children are."""
    children = [await b.image("amd64"), await b.image("arm64")]
    for child in children:
        await b.simple(child)
    return await b.index("v1", children)


@case(Verdict.UNCHECKED)
async def child_that_is_gone(b: Bench) -> str:
    """A child of a signed index that was deleted from the registry."""
    gone = await b.image("gone")
    await b.simple(await b.index("v1", [gone]))
    await b.client.delete_manifest(b.repository, gone)
    return gone


# The annotation


@case(Verdict.INVALID)
async def annotation_missing(b: Bench) -> str:
    """No signature annotation."""
    return await _annotated(b, None)


@case(Verdict.INVALID)
async def annotation_empty(b: Bench) -> str:
    """An empty signature annotation."""
    return await _annotated(b, "")


@case(Verdict.INVALID)
async def annotation_only_line_ends(b: Bench) -> str:
    """A signature annotation of line ends only."""
    return await _annotated(b, "\r\n")


async def _respelt(b: Bench, change: str) -> str:
    digest = await b.image()
    payload = simple_payload(digest)
    text = b64(b.trusted.sign(payload))
    spelt = {
        "space": f"{text[:8]} {text[8:]}",
        "junk": f"{text[:8]}*{text[8:]}",
        "unpadded": b64(b.trusted.sign(payload) + b"\0" * 9).rstrip("="),
        "behind": f"{text}AAAA",
        "line ends": f"\r\n{text[:20]}\r\n{text[20:]}\n",
        "no-break": f"{text}\u00a0",
    }[change]
    await b.sig(digest, [await b.layer(payload, spelt)])
    return digest


@case(Verdict.INVALID)
async def base64_with_a_space(b: Bench) -> str:
    """A good signature with a space inside its base64."""
    return await _respelt(b, "space")


@case(Verdict.INVALID)
async def base64_with_junk(b: Bench) -> str:
    """A good signature with an asterisk inside its base64."""
    return await _respelt(b, "junk")


@case(Verdict.INVALID)
async def base64_with_more_behind(b: Bench) -> str:
    """A good signature with three more bytes behind it."""
    return await _respelt(b, "behind")


@case(Verdict.INVALID)
async def base64_with_a_no_break_space(b: Bench) -> str:
    """A good signature followed by a no-break space."""
    return await _respelt(b, "no-break")


@case(Verdict.INVALID, key="rsa3072")
async def base64_with_padding_behind(b: Bench) -> str:
    """A good signature of a length that needs no padding, with padding, which Python's decoder takes."""
    digest = await b.image()
    payload = simple_payload(digest)
    text = b64(b.signers["rsa3072"].sign(payload))
    assert not text.endswith("=")
    await b.sig(digest, [await b.layer(payload, f"{text}==")])
    return digest


@case(Verdict.TRUSTED)
async def base64_with_line_ends(b: Bench) -> str:
    """A good signature broken by CR and LF, which Go's decoder skips."""
    return await _respelt(b, "line ends")


@case(Verdict.INVALID)
async def base64_of_the_url_alphabet(b: Bench) -> str:
    """A good signature in the URL alphabet."""
    digest = await b.image()
    payload = simple_payload(digest)
    text = ""
    while "+" not in text and "/" not in text:
        text = b64(b.trusted.sign(payload))
    await b.sig(digest, [await b.layer(payload, text.replace("+", "-").replace("/", "_"))])
    return digest


# The signature


async def _raw(b: Bench, signature: bytes, digest: str, payload: bytes) -> str:
    await b.sig(digest, [await b.layer(payload, signature)])
    return digest


@case(Verdict.INVALID)
async def signature_with_trailing_bytes(b: Bench) -> str:
    """A good DER signature with a byte behind it."""
    digest = await b.image()
    payload = simple_payload(digest)
    return await _raw(b, b.trusted.sign(payload) + b"\0", digest, payload)


@case(Verdict.INVALID)
async def signature_of_zeros(b: Bench) -> str:
    """r and s are zero."""
    digest = await b.image()
    return await _raw(b, encode_dss_signature(0, 0), digest, simple_payload(digest))


@case(Verdict.TRUSTED)
async def signature_as_two_numbers(b: Bench) -> str:
    """r and s side by side without DER, as JWTs have them, which cosign takes too."""
    digest = await b.image()
    payload = simple_payload(digest)
    r, s = decode_dss_signature(b.trusted.sign(payload))
    return await _raw(b, r.to_bytes(32, "big") + s.to_bytes(32, "big"), digest, payload)


@case(Verdict.TRUSTED)
async def signature_mirrored(b: Bench) -> str:
    """The other s of the same signature, which ECDSA cannot tell apart."""
    digest = await b.image()
    payload = simple_payload(digest)
    r, s = decode_dss_signature(b.trusted.sign(payload))
    return await _raw(b, encode_dss_signature(r, P256_ORDER - s), digest, payload)


@case(Verdict.INVALID)
async def signature_as_two_zeros(b: Bench) -> str:
    """r and s side by side, both zero, one byte short."""
    digest = await b.image()
    return await _raw(b, b"\0" * 63, digest, simple_payload(digest))


@case(Verdict.INVALID)
async def signature_beyond_the_order(b: Bench) -> str:
    """r as DER in two bytes more than it needs."""
    digest = await b.image()
    payload = simple_payload(digest)
    r, s = decode_dss_signature(b.trusted.sign(payload))
    numbers = [b"\0\0" + number.to_bytes(32, "big") for number in (r, s)]
    body = b"".join(b"\x02" + bytes([len(number)]) + number for number in numbers)
    return await _raw(b, b"\x30" + bytes([len(body)]) + body, digest, payload)


@case(Verdict.UNKNOWN_KEY)
async def signature_with_another_hash(b: Bench) -> str:
    """The trusted key with SHA-512 instead of SHA-256."""
    digest = await b.image()
    payload = simple_payload(digest)
    return await _raw(b, b.trusted.sign(payload, hashes.SHA512()), digest, payload)


@case(Verdict.UNKNOWN_KEY, key="rsa2048")
async def signature_by_rsa_pss(b: Bench) -> str:
    """The trusted RSA key with PSS padding."""
    digest = await b.image()
    payload = simple_payload(digest)
    private = b.signers["rsa2048"].private
    assert isinstance(private, rsa.RSAPrivateKey)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    return await _raw(b, private.sign(payload, pss, hashes.SHA256()), digest, payload)


@case(Verdict.INVALID)
async def signature_of_the_digest_only(b: Bench) -> str:
    """The trusted key signed the digest's text, not a payload."""
    digest = await b.image()
    return await _signed(b, digest.encode(), digest)


# The payload, each time signed by the trusted key


async def _payload(b: Bench, change: str) -> str:
    digest = await b.image()
    right = simple_payload(digest)
    text = right.decode()
    critical = json.loads(text)["critical"]
    payload = {
        "utf-16": text.encode("utf-16"),
        "bom": b"\xef\xbb\xbf" + right,
        "trailing": right + b"{}",
        "line end": right + b"\n",
        "deep": right.replace(b"null", b"[" * 200_000 + b"]" * 200_000),
        "twice": right.replace(b'"optional"', b'"critical":' + compact(critical) + b',"optional"'),
        "two digests": right.replace(b'"image":{', b'"image":{"docker-manifest-digest":"' + OTHER.encode() + b'",'),
        "capitals": right.replace(b'"critical"', b'"Critical"'),
        "second in capitals": right[:-1] + b',"CRITICAL":' + compact({**critical, "image": {}}) + b"}",
        "no json": b"payload",
        "array": b"[" + right + b"]",
        "nan": right.replace(b"null", b'{"n":NaN}'),
        "huge": right.replace(b"null", b'{"n":1e999}'),
        "long": right.replace(b"null", b'{"n":1' + b"0" * 400 + b"}"),
        "latin": right.replace(b"null", b'{"n":"\xe9"}'),
        "surrogate": right.replace(b"null", b'{"n":"\\ud800"}'),
        "spaces": json.dumps(json.loads(text), indent=4).encode(),
        "more": right[:-1] + b',"more":[1,2]}',
        "empty": b"{}",
        "large": right.replace(b"null", b'{"n":"' + b"x" * (5 * 1024 * 1024) + b'"}'),
    }[change]
    return await _signed(b, payload, digest)


@case(Verdict.INVALID)
async def payload_utf_16(b: Bench) -> str:
    """The payload is JSON in UTF-16."""
    return await _payload(b, "utf-16")


@case(Verdict.INVALID)
async def payload_with_a_bom(b: Bench) -> str:
    """The payload begins with a byte order mark."""
    return await _payload(b, "bom")


@case(Verdict.INVALID)
async def payload_with_trailing_bytes(b: Bench) -> str:
    """A second value behind the payload."""
    return await _payload(b, "trailing")


@case(Verdict.TRUSTED)
async def payload_with_a_line_end(b: Bench) -> str:
    """A line end behind the payload, which JSON allows."""
    return await _payload(b, "line end")


@case(Verdict.INVALID)
async def payload_200000_deep(b: Bench) -> str:
    """The payload is nested 200,000 deep."""
    return await _payload(b, "deep")


@case(Verdict.INVALID, stricter=ONE_MEANING)
async def payload_with_a_member_twice(b: Bench) -> str:
    """The payload holds critical twice."""
    return await _payload(b, "twice")


@case(Verdict.INVALID, stricter=ONE_MEANING)
async def payload_with_two_digests(b: Bench) -> str:
    """The payload names two digests; the last is this one's."""
    return await _payload(b, "two digests")


@case(Verdict.INVALID, stricter=ONE_MEANING)
async def payload_in_capitals(b: Bench) -> str:
    """The payload says Critical for critical."""
    return await _payload(b, "capitals")


@case(Verdict.INVALID, stricter=ONE_MEANING)
async def payload_with_a_second_in_capitals(b: Bench) -> str:
    """The payload holds critical and CRITICAL, which Go merges."""
    return await _payload(b, "second in capitals")


@case(Verdict.INVALID)
async def payload_no_json(b: Bench) -> str:
    """The payload is no JSON."""
    return await _payload(b, "no json")


@case(Verdict.INVALID)
async def payload_an_array(b: Bench) -> str:
    """The payload is an array."""
    return await _payload(b, "array")


@case(Verdict.INVALID)
async def payload_with_nan(b: Bench) -> str:
    """The payload holds NaN, which Python's reader takes."""
    return await _payload(b, "nan")


@case(Verdict.INVALID)
async def payload_with_a_huge_number(b: Bench) -> str:
    """The payload holds 1e999, which Python reads as infinity."""
    return await _payload(b, "huge")


@case(Verdict.INVALID)
async def payload_with_a_long_number(b: Bench) -> str:
    """The payload holds an integer of 401 digits, which Python reads."""
    return await _payload(b, "long")


@case(Verdict.INVALID, stricter="JSON is UTF-8: Go replaces what is not, so two payloads read the same")
async def payload_in_latin_1(b: Bench) -> str:
    """The payload holds a byte that is not UTF-8."""
    return await _payload(b, "latin")


@case(Verdict.INVALID, stricter="text must be Unicode: Go replaces half a surrogate pair, Python would keep it")
async def payload_with_half_a_surrogate(b: Bench) -> str:
    """The payload holds half a surrogate pair."""
    return await _payload(b, "surrogate")


@case(Verdict.TRUSTED)
async def payload_with_spaces(b: Bench) -> str:
    """The payload is indented."""
    return await _payload(b, "spaces")


@case(Verdict.TRUSTED)
async def payload_with_more_members(b: Bench) -> str:
    """The payload holds a member more."""
    return await _payload(b, "more")


@case(Verdict.INVALID)
async def payload_empty_object(b: Bench) -> str:
    """The payload is an empty object."""
    return await _payload(b, "empty")


@case(Verdict.UNCHECKED, stricter="a payload over 4 MiB is not read; cosign's bound is 128 MiB")
async def payload_of_five_mebibytes(b: Bench) -> str:
    """A good payload of 5 MiB."""
    return await _payload(b, "large")


@case(Verdict.INVALID, stricter="the key may sign payloads for other purposes: cosign does not look at the type")
async def payload_of_another_type(b: Bench) -> str:
    """The payload's type is atomic container signature."""
    digest = await b.image()
    return await _signed(b, simple_payload(digest, type="atomic container signature"), digest)


@case(Verdict.INVALID)
async def payload_with_a_number_as_type(b: Bench) -> str:
    """The payload's type is a number."""
    digest = await b.image()
    return await _signed(b, simple_payload(digest, type=1), digest)


@case(Verdict.TRUSTED)
async def payload_of_another_reference(b: Bench) -> str:
    """The payload names another repository, as after a copy; cosign does not look at it, nor do we."""
    digest = await b.image()
    payload = simple_payload(digest, identity={"docker-reference": "elsewhere.example/other"})
    return await _signed(b, payload, digest)


@case(Verdict.INVALID)
async def payload_with_a_number_as_reference(b: Bench) -> str:
    """The payload's docker-reference is a number."""
    digest = await b.image()
    return await _signed(b, simple_payload(digest, identity={"docker-reference": 1}), digest)


@case(Verdict.INVALID)
async def payload_with_the_digest_in_capitals(b: Bench) -> str:
    """The payload names the digest in capitals."""
    digest = await b.image()
    image = {"docker-manifest-digest": "sha256:" + digest[7:].upper()}
    return await _signed(b, simple_payload(digest, image=image), digest)


@case(Verdict.INVALID)
async def payload_with_the_digest_without_algorithm(b: Bench) -> str:
    """The payload names the digest without sha256."""
    digest = await b.image()
    return await _signed(b, simple_payload(digest, image={"docker-manifest-digest": digest[7:]}), digest)


@case(Verdict.INVALID)
async def payload_with_a_list_of_annotations(b: Bench) -> str:
    """The payload's optional part is a list."""
    digest = await b.image()
    return await _signed(b, simple_payload(digest, optional=["env=prod"]), digest)


# Annotations that are required


@case(Verdict.INVALID, annotations={"env": "prod"})
async def required_annotation_missing(b: Bench) -> str:
    """env=prod is required and not signed."""
    digest = await b.image()
    await b.simple(digest)
    return digest


@case(Verdict.INVALID, annotations={"env": "prod"})
async def required_annotation_differs(b: Bench) -> str:
    """env=prod is required, env=test is signed."""
    digest = await b.image()
    return await _signed(b, simple_payload(digest, optional={"env": "test"}), digest)


@case(Verdict.INVALID, annotations={"build": "5"})
async def required_annotation_is_a_number(b: Bench) -> str:
    """build=5 is required, the number 5 is signed."""
    digest = await b.image()
    return await _signed(b, simple_payload(digest, optional={"build": 5}), digest)


@case(Verdict.INVALID, annotations={"env": "prod"})
async def required_annotation_not_signed(b: Bench) -> str:
    """env=prod is required and stands on the layer only, where nobody signed it."""
    digest = await b.image()
    await b.simple(digest, env="prod")
    return digest


# What lies beside the signature


def _certificate(signer: Signer, days: int) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "signer")])
    now = datetime.datetime.now(datetime.UTC)
    begin, end = sorted((now - datetime.timedelta(days=1), now + datetime.timedelta(days=days)))
    builder = x509.CertificateBuilder(name, name, signer.private.public_key(), x509.random_serial_number(), begin, end)
    return builder.sign(signer.private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


async def _beside(b: Bench, name: str, text: str, key: str = "trusted") -> str:
    digest = await b.image()
    await b.simple(digest, key=key, **{name: text})
    return digest


@case(Verdict.INVALID)
async def certificate_that_is_none(b: Bench) -> str:
    """A good signature with garbage as its certificate."""
    return await _beside(b, CERTIFICATE, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


@case(Verdict.TRUSTED)
async def certificate_beside_a_good_signature(b: Bench) -> str:
    """A good signature with a certificate of the trusted key."""
    return await _beside(b, CERTIFICATE, _certificate(b.trusted, 30))


@case(Verdict.INVALID)
async def certificate_that_has_expired(b: Bench) -> str:
    """A good signature with a certificate that has expired."""
    return await _beside(b, CERTIFICATE, _certificate(b.trusted, -30))


@case(Verdict.UNCHECKED)
async def keyless_simple_signing(b: Bench) -> str:
    """A stranger's signature with a certificate: keyless."""
    return await _beside(b, CERTIFICATE, _certificate(b.signers["stranger"], 30), key="stranger")


@case(Verdict.INVALID)
async def log_bundle_that_is_none(b: Bench) -> str:
    """A good signature with garbage as its transparency log bundle."""
    return await _beside(b, LOG_BUNDLE, "{")


@case(Verdict.INVALID)
async def timestamp_that_is_none(b: Bench) -> str:
    """A good signature with garbage as its timestamp."""
    return await _beside(b, TIMESTAMP, "[]")
