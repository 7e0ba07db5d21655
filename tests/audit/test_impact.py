"""What a limit would do, foretold from what is kept, is what judging again says; also for 50,000 artifacts."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harborweb.audit.judging.judgement import Judgement, Seen, evidence_of
from harborweb.audit.keys.impact import impact
from harborweb.audit.models import ArtifactVerdict, SignatureSeen
from harborweb.audit.trusting import Trust, trust
from harborweb.registry.models import Registry
from harborweb.signing.limits import Limits, set_limits
from harborweb.signing.models import Key
from harborweb.verification.keys import load_public_key
from harborweb.verification.verdict import GREEN, Finding, Opinion, Verdict, covered, judge
from tests.audit import judging
from tests.audit.judging import digest_of

DAY = timedelta(days=1)
MANY = 20_000
NOW = timezone.now().replace(microsecond=0)
TIMES = [NOW - DAY * n for n in (1, 2, 3, 4, 5)]
SECRETS = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("one", "two", "stranger")}
PUBLIC = {
    name: load_public_key(
        one.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo), name
    )
    for name, one in SECRETS.items()
}
SIGNED = {
    (name, n): SECRETS[name].sign(f"payload {n}".encode(), ec.ECDSA(hashes.SHA256()))
    for name in SECRETS
    for n in range(4)
}


@dataclass(frozen=True)
class Made:
    """An artifact: who signed it (with which of four signatures), what else was found, which earlier one lists it."""

    project: str
    signed: tuple[tuple[str, int], ...] = ()
    beside: tuple[Verdict, ...] = ()
    parent: int | None = None


def found(made: Made, ring: Trust) -> list[Finding]:
    """What the verifier finds with the keys of `ring`, weighed."""
    names = {one.fingerprint for one in ring.keys}
    findings = [Finding("tag", verdict, f"It is {verdict}.") for verdict in made.beside]
    for name, number in made.signed:
        key = PUBLIC[name].fingerprint
        verdict = Verdict.TRUSTED if key in names else Verdict.UNKNOWN_KEY
        payload = f"payload {number}".encode()
        findings.append(
            Finding("tag", verdict, "Signed.", "bundle", key if key in names else "", payload=payload,
                    signature=SIGNED[name, number])
        )  # fmt: skip
    return [ring.weigh(f"{made.project}/app", "", one) for one in findings]


def judged(artifacts: Sequence[Made], ring: Trust) -> list[Judgement]:
    """Every artifact as a sweep judges it, indexes before what they list."""
    opinions: list[Opinion] = []
    judgements = []
    for number, made in enumerate(artifacts):
        findings = found(made, ring)
        own = judge(findings)
        above = made.parent if made.parent is not None and artifacts[made.parent].project == made.project else None
        parents = () if above is None else (digest_of(str(above)),)
        opinion = own if above is None else covered(own, [(parents[0], opinions[above])])
        opinions.append(opinion)
        evidence = evidence_of(b"{}", [Seen(one) for one in findings], opinion.finding)
        judgements.append(
            Judgement(f"{made.project}/app", (), digest_of(str(number)), opinion.verdict, opinion.reason, opinion.key,
                      opinion.format, tuple(findings), evidence, parents=parents)
        )  # fmt: skip
    return judgements


def keep(registry: Registry, artifacts: Sequence[Made]) -> Mapping[str, str]:
    """Judge with the keyring as it is, and keep; verdicts by digest."""
    judgements = judged(artifacts, trust())
    for repository in {one.repository for one in judgements}:
        judging.keep(registry, repository, [one for one in judgements if one.repository == repository])
    return {one.digest: one.verdict for one in judgements}


def keys(trusted: bool = True) -> Key:
    """Two keys in the keyring; the first is the one that is changed."""
    for name in ("one", "two"):
        Key.objects.create(
            name=name, kind="public", public_pem=PUBLIC[name].pem, fingerprint=PUBLIC[name].fingerprint, trusted=True
        )
    Key.objects.filter(name="one").update(trusted=trusted)
    return Key.objects.get(name="one")


moment = st.one_of(st.none(), st.sampled_from([*TIMES, TIMES[0] + DAY * 30]))
limits = st.builds(
    Limits, trusted=st.booleans(), not_before=moment, not_after=moment, revoked_from=moment,
    revoked_reason=st.just("lost"), projects=st.sampled_from([(), ("team",), ("t*",), ("lab",)]),
)  # fmt: skip
artifacts = st.lists(
    st.builds(
        Made, project=st.sampled_from(["team", "lab"]),
        signed=st.lists(st.tuples(st.sampled_from(["one", "one", "two", "stranger"]), st.integers(0, 3)),
                        max_size=2, unique=True).map(tuple),
        beside=st.lists(st.sampled_from([Verdict.INVALID, Verdict.UNCHECKED, Verdict.ATTESTATION_ONLY]),
                        max_size=1).map(tuple),
        parent=st.one_of(st.none(), st.integers(0, 4)),
    ),
    min_size=1, max_size=7,
)  # fmt: skip


@pytest.mark.django_db
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(made=artifacts, before=limits, after=limits, times=st.permutations(TIMES), strange=st.booleans())
def test_it_is_what_judging_again_says(
    db: None, made: list[Made], before: Limits, after: Limits, times: list[Any], strange: bool
) -> None:
    for model in (ArtifactVerdict, SignatureSeen, Key, Registry):
        model.objects.all().delete()
    made = [replace(one, parent=one.parent if one.parent is not None and one.parent < n else None)
            for n, one in enumerate(made)]  # fmt: skip
    registry = Registry.objects.create(name="own", url="http://127.0.0.1:1")
    key = keys()
    keep(registry, made)  # so that every signature has been seen
    for number, row in enumerate(SignatureSeen.objects.order_by("pk")):
        SignatureSeen.objects.filter(identity=row.identity).update(first_seen=times[number % len(times)])
    if strange:  # as if the key had never been in the keyring
        SignatureSeen.objects.filter(key=key.fingerprint).update(key="")
        before = replace(before, trusted=False)
        made = [one for one in made if len(one.signed) + len(one.beside) <= 1]  # else the evidence may be another's
        ArtifactVerdict.objects.all().delete()
        made = [replace(one, parent=None) for one in made]
    Key.objects.filter(pk=key.pk).update(
        **{name: getattr(before, name) for name in ("trusted", "not_before", "not_after", "revoked_from")},
        projects=list(before.projects),
    )
    key.refresh_from_db()
    was = keep(registry, made)
    told = impact(key, after)
    Key.objects.filter(pk=key.pk).update(
        **{name: getattr(after, name) for name in ("trusted", "not_before", "not_after", "revoked_from")},
        projects=list(after.projects),
    )
    now = {one.digest: one.verdict for one in judged(made, trust())}
    assert {one.digest for one in told.loses} == {d for d in was if was[d] in GREEN and now[d] not in GREEN}
    assert {one.digest for one in told.gains} == {d for d in was if was[d] not in GREEN and now[d] in GREEN}


@pytest.mark.django_db
def test_the_numbers_of_a_revocation() -> None:
    registry = Registry.objects.create(name="own", url="http://127.0.0.1:1")
    key = keys()
    made = [
        Made("team", (("one", 0),)), Made("team", (("one", 1),)), Made("lab", (("one", 2), ("two", 0))),
        Made("team", (), parent=0), Made("lab", (("two", 1),)), Made("lab", (("stranger", 1),)),
    ]  # fmt: skip
    keep(registry, made)
    old = SignatureSeen.objects.get(digest=digest_of("1"))
    SignatureSeen.objects.filter(pk=old.pk).update(first_seen=NOW - DAY * 9)
    told = impact(key, replace(Limits.of(key), revoked_from=NOW - DAY, revoked_reason="lost"))
    assert {one.digest for one in told.loses} == {digest_of("0"), digest_of("3")}
    assert (told.lost, told.gained, told.keeps, told.also, told.signed) == (2, 0, 1, 1, 3)
    assert told.projects() == [("team", 2)]
    assert set_limits(None, key, replace(Limits.of(key), revoked_from=NOW - DAY, revoked_reason="lost"))
    key.refresh_from_db()
    keep(registry, made)
    back = impact(key, replace(Limits.of(key), revoked_from=None, revoked_reason=""))
    assert {one.digest for one in back.gains} == {digest_of("0"), digest_of("3")} and not back.loses


@pytest.mark.django_db
def test_fifty_thousand_artifacts_would_take_under_two_seconds() -> None:
    registry = Registry.objects.create(name="own", url="http://127.0.0.1:1")
    key = keys()
    ArtifactVerdict.objects.create(
        registry=registry, project="p", repository="p/app", digest="sha256:0", tags=["1.0"], verdict="trusted", rank=6,
        key=key.fingerprint, reason="Signed.", since=NOW, checked=NOW, signatures=[{"reason": "x" * 300}],
        evidence=dict.fromkeys(("manifest.json", "signature-manifest.json", "signed.bin"), "A" * 1600),
    )  # fmt: skip
    SignatureSeen.objects.create(digest="sha256:0", identity="0", key=key.fingerprint or "", first_seen=NOW)
    varied = {
        "digest": "'sha256:' || printf('%064x', n)", "project": "'p' || (n % 40)",
        "repository": "'p' || (n % 40) || '/app'",
        "signers": f"""'[["' || printf('%064x', n) || '", "{key.fingerprint}", "trusted"]]'""",
    }  # fmt: skip
    copy(ArtifactVerdict, "sha256:0", varied)
    sights = {"digest": varied["digest"], "identity": "printf('%064x', n)",
              "first_seen": "datetime(first_seen, '-' || (n % 10) || ' days')"}  # fmt: skip
    copy(SignatureSeen, "sha256:0", sights)
    assert ArtifactVerdict.objects.count() == MANY + 1
    began = time.process_time()
    told = impact(key, replace(Limits.of(key), revoked_from=NOW - DAY * 5, revoked_reason="lost"))
    took = time.process_time() - began
    assert (told.lost, told.keeps) == (MANY * 6 // 10 + 1, MANY * 4 // 10)
    assert took * 50_000 / MANY < 2, took


def copy(model: Any, digest: str, varied: dict[str, str], many: int = MANY) -> None:
    """Copies of one row, by the database itself; `varied` are expressions of n."""
    table = model._meta.db_table
    columns = [field.column for field in model._meta.concrete_fields if field.column != "id"]
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {many}) "
            f"INSERT INTO {table} ({', '.join(columns)}) "
            f"SELECT {', '.join(varied.get(one, one) for one in columns)} FROM counted, {table} WHERE digest = %s",
            [digest],
        )
