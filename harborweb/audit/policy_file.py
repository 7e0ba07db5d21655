"""A policy from a file, for `audit --policy`: what it makes of judgements that are in no database."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from django.utils import timezone
from django.utils.translation import gettext as _
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from harborweb.audit.formats.about import About
from harborweb.audit.judging.judgement import Judgement, subject_of
from harborweb.audit.report import Line
from harborweb.errors import Problem
from harborweb.verification.policy import Policy, read_policy, stand

MOST_BYTES = 1024 * 1024
# Nothing is remembered from run to run, so nobody knows when an artifact was first seen: no time of grace is left.
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class PolicyFile:
    """A policy with the text it was read from; both empty where no file was given."""

    policy: Policy = field(default_factory=Policy)
    text: str = ""

    @classmethod
    def read(cls, name: str) -> "PolicyFile":
        """The policy in the file `name` (JSON or YAML), none where it is empty; raises Problem."""
        if not name:
            return cls()
        try:
            with Path(name).open("rb") as file:
                data = file.read(MOST_BYTES + 1)
            if len(data) > MOST_BYTES:
                raise _unusable(name, _("It is larger than %(n)d bytes.") % {"n": MOST_BYTES})
            text = data.decode("utf-8")
            return cls(read_policy(_parsed(text, name)), text)
        except OSError as error:
            raise _unusable(name, error.strerror or str(error)) from error
        except UnicodeDecodeError as error:
            raise _unusable(name, _("It is no text in UTF-8.")) from error
        except (YAMLError, ValueError, RecursionError) as error:
            why = " ".join(str(error).split())[:300]
            raise _unusable(name, _("It is neither JSON nor YAML: %(why)s") % {"why": why}) from error

    def lines(self, judgements: Sequence[Judgement], about: About, now: datetime | None = None) -> list[Line]:
        """The rows of a report with what the policy makes of each at `now`."""
        now = now or timezone.now()
        names = {key.fingerprint: key.name for key in about.keys}
        found = []
        for one in judgements:
            stood = stand(self.policy, subject_of(one, LONG_AGO, names), names, now)
            found.append(
                Line(
                    one.repository, one.tags, one.digest, one.verdict, one.key, one.format, one.reason,
                    stood.standing, stood.reason, stood.is_finding,
                )
            )  # fmt: skip
        return found


def _parsed(text: str, name: str) -> object:
    if Path(name).suffix.lower() == ".json":
        return json.loads(text)
    return YAML(typ="safe", pure=True).load(text)


def _unusable(name: str, why: str) -> Problem:
    return Problem(_("%(file)s cannot be used as a policy: %(why)s") % {"file": name, "why": why})
