"""What the sweeps found, what tags meant, and what a registry told us of itself."""

from harborweb.audit.models.automatic import SigningDecision, SigningRule
from harborweb.audit.models.changes import Change
from harborweb.audit.models.findings import Finding, FindingEvent
from harborweb.audit.models.handouts import Handout, HandoutPiece
from harborweb.audit.models.hooks import Hook, HookEvent
from harborweb.audit.models.keyless import TrustedIdentity, TrustedRootFile
from harborweb.audit.models.notices import Channel, Happening, Message, MetricsAccess
from harborweb.audit.models.policies import PolicyRevision
from harborweb.audit.models.sightings import TagSighting
from harborweb.audit.models.sweeps import Part, Schedule, Sweep
from harborweb.audit.models.tallies import Tally
from harborweb.audit.models.verdicts import ArtifactVerdict, SignatureSeen

__all__ = [
    "ArtifactVerdict",
    "Change",
    "Channel",
    "Finding",
    "FindingEvent",
    "Handout",
    "HandoutPiece",
    "Happening",
    "Hook",
    "HookEvent",
    "Message",
    "MetricsAccess",
    "Part",
    "PolicyRevision",
    "Schedule",
    "SignatureSeen",
    "SigningDecision",
    "SigningRule",
    "Sweep",
    "TagSighting",
    "Tally",
    "TrustedIdentity",
    "TrustedRootFile",
]
