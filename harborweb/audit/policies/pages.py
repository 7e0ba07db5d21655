"""What the pages of a policy show and read: rows of rules, the documents of files, what is proposed."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.audit.models import ArtifactVerdict, PolicyRevision
from harborweb.audit.policies.forms import (
    ExemptionForm,
    Exemptions,
    RuleForm,
    Rules,
    shown_exemption,
    shown_rule,
    typed,
)
from harborweb.audit.policies.standings import policy_of
from harborweb.errors import Problem
from harborweb.registry.models import Registry
from harborweb.signing.models import Key
from harborweb.verification.policy import Exemption, Policy, Rule, read_policy, write_policy

LARGEST_FILE = 1024 * 1024
RULES, EXEMPTIONS = "rules", "exemptions"
FIELDS = {RULES: list(RuleForm.base_fields), EXEMPTIONS: list(ExemptionForm.base_fields)}


@dataclass
class Draft:
    """The rows of the page, as they were typed or as a policy has them."""

    rules: Any
    exemptions: Any

    @classmethod
    def of(cls, policy: Policy) -> "Draft":
        """The rows of a policy."""
        document = write_policy(policy)
        return cls(
            Rules(initial=[shown_rule(one) for one in document["rules"]], prefix=RULES),
            Exemptions(initial=[shown_exemption(one) for one in document["exemptions"]], prefix=EXEMPTIONS),
        )  # fmt: skip

    @classmethod
    def posted(cls, data: QueryDict) -> "Draft":
        """What was typed, to be checked."""
        return cls(Rules(data, prefix=RULES), Exemptions(data, prefix=EXEMPTIONS))

    @classmethod
    def changed(cls, data: QueryDict, action: str) -> "Draft":
        """What was typed, right or wrong, after "add-rules", "remove-exemptions-2", "up-rules-2" or "down-rules-0"."""
        rows = {kind: typed(data, kind, FIELDS[kind]) for kind in FIELDS}
        verb, _dash, rest = action.partition("-")
        kind, _dash, place = rest.partition("-")
        if kind in rows:
            _change(rows[kind], verb, int(place) if place.isdecimal() and len(place) < 6 else -1, kind)
        return cls(Rules(initial=rows[RULES], prefix=RULES), Exemptions(initial=rows[EXEMPTIONS], prefix=EXEMPTIONS))

    def policy(self) -> Policy | None:
        """The policy that was typed; None where the forms say what is wrong. Raises Problem too."""
        if not all([self.rules.is_valid(), self.exemptions.is_valid()]):
            return None
        document = {
            RULES: [one.document() for one in self.rules], EXEMPTIONS: [one.document() for one in self.exemptions]
        }  # fmt: skip
        return read_policy(document)


def _change(rows: list[dict[str, Any]], verb: str, place: int, kind: str) -> None:
    if verb == "add":
        rows.append(_fresh(kind))
    elif not 0 <= place < len(rows):
        return
    elif verb == "remove":
        del rows[place]
    elif verb == "up" and place:
        rows[place - 1], rows[place] = rows[place], rows[place - 1]
    elif verb == "down" and place + 1 < len(rows):
        rows[place + 1], rows[place] = rows[place], rows[place + 1]


def _fresh(kind: str) -> dict[str, Any]:
    if kind == RULES:
        return shown_rule(write_policy(Policy((Rule(match=("*",)),)))["rules"][0]) | {"match": ""}
    return {"match": "", "reason": "", "owner": "", "until": (timezone.now() + timedelta(days=90)).date().isoformat()}


def file_of(policy: Policy) -> str:
    """The policy as a file for `audit --policy`."""
    return json.dumps(write_policy(policy), indent=2, ensure_ascii=False) + "\n"


def from_request(request: HttpRequest) -> Policy:
    """The policy in the file or the text that was sent; raises Problem that says what is wrong with it."""
    upload = request.FILES.get("file")
    if upload is not None and (upload.size or 0) > LARGEST_FILE:
        raise Problem(
            _("This file is larger than %d KiB.") % (LARGEST_FILE // 1024), _("Choose a policy."), field="file"
        )
    text = upload.read() if upload is not None else request.POST.get("document", "").encode()
    try:
        return read_policy(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise Problem(
            _("This is not JSON: %s") % str(error)[:200], _("Give a policy as it is exported here."), field="document"
        ) from error


def with_suggestion(registry: Registry, name: str) -> Policy:
    """The policy that holds with a rule first that asks for no signature in the project `name`, a proxy cache."""
    policy = policy_of(registry)
    rule = Rule(match=(name,), require="none")
    return policy if rule in policy.rules else Policy((rule, *policy.rules), policy.exemptions)


def revision_or_none(registry: Registry, number: str) -> PolicyRevision | None:
    """The revision with this number, if there is one."""
    if not number.isdecimal() or len(number) > 9:
        return None
    return PolicyRevision.objects.filter(registry=registry, number=int(number)).first()


def projects(registry: Registry) -> list[str]:
    """The projects of a registry, as far as something of them is kept."""
    rows = ArtifactVerdict.objects.filter(registry=registry).order_by("project")
    return list(rows.values_list("project", flat=True).distinct())


def key_names() -> list[str]:
    """The names that a rule may use."""
    return list(Key.objects.filter(trusted=True, state=Key.State.READY).order_by("name").values_list("name", flat=True))


def ended(policy: Policy) -> list[Exemption]:
    """Exemptions that hold no more."""
    now = timezone.now()
    return [one for one in policy.exemptions if not one.holds(now)]
