"""What the page of one artifact shows, of a Harbor or of a plain registry."""

from dataclasses import dataclass, field
from typing import Any

from harborweb.audit.models import ArtifactVerdict
from harborweb.registry import artifact as reading
from harborweb.registry import names
from harborweb.registry.errors import RegistryError
from harborweb.registry.harbor.reading import Artifact as Record
from harborweb.registry.image import Config, Step, layers_of, steps_of


@dataclass(frozen=True)
class Shown:
    """`artifact` is None where its manifest could not be read, `record` where there are no words of Harbor's.

    `held_back` says that Harbor's content-trust policy refuses the manifest; the page lives on the record then.
    """

    digest: str
    artifact: reading.Artifact | None
    record: Record | None
    around: Any  # what lies beside it, as its list shows it
    verdict: ArtifactVerdict | None
    held_back: bool = False
    troubles: list[RegistryError] = field(default_factory=list)

    @property
    def config(self) -> Config | None:
        """The image's configuration: its own bytes where they could be read, else what Harbor took from them."""
        return (self.artifact.config if self.artifact else None) or (self.record.config if self.record else None)

    @property
    def children(self) -> list[reading.Child]:
        """What an index lists."""
        if self.artifact is not None:
            return self.artifact.children
        return [
            reading.Child(one.digest, one.platform, "", None)
            for one in (self.record.references if self.record else [])
            if names.is_digest(one.digest)
        ]

    @property
    def is_index(self) -> bool:
        """Whether it lists other manifests."""
        return self.artifact.manifest.is_index if self.artifact else bool(self.children)

    @property
    def media_type(self) -> str:
        """Of the manifest."""
        return self.artifact.manifest.media_type if self.artifact else self.record.media_type if self.record else ""

    @property
    def size(self) -> int | None:
        """What a pull moves; of an index, what all its platforms weigh together in Harbor's words."""
        if self.artifact is not None and self.artifact.size is not None:
            return self.artifact.size
        return self.record.size or None if self.record else None

    @property
    def steps(self) -> list[Step]:
        """The build history beside the layers."""
        layers = layers_of(self.artifact.manifest.content) if self.artifact else []
        return steps_of(self.config.history if self.config else [], layers)

    @property
    def tag_digest(self) -> str | None:
        """Where the tag points that led here, "" when unknown, None when it is gone."""
        return self.artifact.tag_digest if self.artifact else ""
