"""What a Harbor posts: in the shape of the recorded requests, or as its source writes what was not recorded."""

import json
import uuid
from typing import Any

from tests import parts

DEFAULT, CLOUD = "application/json", "application/cloudevents+json"
CLOUD_TYPES = {
    "PUSH_ARTIFACT": "harbor.artifact.pushed", "DELETE_ARTIFACT": "harbor.artifact.deleted",
    "REPLICATION": "harbor.replication.status.changed", "QUOTA_EXCEED": "harbor.quota.exceeded",
    "QUOTA_WARNING": "harbor.quota.warned", "PULL_ARTIFACT": "harbor.artifact.pulled",
}  # fmt: skip


def artifact(repository: str, tag: str, digest: str) -> dict[str, Any]:
    """The data of a push or deletion; without a tag its place holds the digest."""
    project, _slash, name = repository.partition("/")
    reference = f"@{digest}" if not tag else f":{tag}"
    return {
        "resources": [{"digest": digest, "tag": tag or digest, "resource_url": f"harbor.test/{repository}{reference}"}],
        "repository": {
            "date_created": 1795435099, "name": name, "namespace": project, "repo_full_name": repository,
            "repo_type": "private",
        },
    }  # fmt: skip


def replication(namespace: str, name_tag: str, *, there: str = "") -> dict[str, Any]:
    """The data of a replication that came here; or one that went to the registry named `there`."""
    ours = {"registry_type": "harbor", "endpoint": "https://harbor.test", "namespace": namespace}
    theirs = {"registry_type": "docker-hub", "registry_name": there or "hub", "endpoint": "https://hub.docker.com"}
    return {
        "replication": {
            "harbor_hostname": "harbor.test", "job_status": "Success", "artifact_type": "image",
            "trigger_type": "manual", "src_resource": ours if there else theirs,
            "dest_resource": theirs if there else ours,
            "successful_artifact": [{"type": "image", "status": "Success", "name_tag": name_tag}],
        }
    }  # fmt: skip


def quota(repository: str, details: str) -> dict[str, Any]:
    """The data of a quota's warning."""
    data = artifact(repository, "1", f"sha256:{'0' * 64}")
    return {**data, "custom_attributes": {"Details": details}}


def default(kind: str, data: dict[str, Any], at: int = 1795435731) -> bytes:
    """A delivery in Harbor's default format."""
    return json.dumps({"type": kind, "occur_at": at, "operator": "admin", "event_data": data}).encode()


def cloud(kind: str, data: dict[str, Any], number: str = "") -> bytes:
    """A delivery as CloudEvents."""
    return json.dumps(
        {
            "specversion": "1.0", "id": number or str(uuid.uuid4()), "source": "/projects/2/webhook/policies/2",
            "type": CLOUD_TYPES[kind], "datacontenttype": "application/json", "time": "2026-11-23T12:08:51Z",
            "data": data, "operator": "admin", "requestid": "85cd484c-73fc-4e4f-9406-3d78d7870f10",
        }
    ).encode()  # fmt: skip


def recorded() -> list[dict[str, Any]]:
    """The requests that a real Harbor 2.15.2 posted."""
    lines = parts.shared("harbor-2.15-recordings/webhook-payloads.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]
