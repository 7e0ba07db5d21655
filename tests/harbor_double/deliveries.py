"""Webhook messages, really sent: the payloads are those of webhook-payloads.jsonl."""

import json
import queue
import threading
import uuid
from typing import Any

import urllib3

from tests.harbor_double.answers import when
from tests.harbor_double.model import Policy, Project, Repository, now
from tests.harbor_double.state import State

CLOUD = {
    "PUSH_ARTIFACT": "harbor.artifact.pushed", "PULL_ARTIFACT": "harbor.artifact.pulled",
    "DELETE_ARTIFACT": "harbor.artifact.deleted", "QUOTA_EXCEED": "harbor.quota.exceeded",
    "QUOTA_WARNING": "harbor.quota.warned", "REPLICATION": "harbor.replication.status.changed",
    "TAG_RETENTION": "harbor.tag_retention.finished",
}  # fmt: skip


class Deliveries:
    """Tells the targets of a project's policies what happened, in the order in which it happened."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.host = ""
        self._waiting: queue.Queue[tuple[Policy, dict[str, Any], str, dict[str, Any]] | None] = queue.Queue()
        self._pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(3), cert_reqs="CERT_NONE")
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._thread.start()

    def event(self, event: str, project: Project, repository: Repository, digest: str, tag: str, user: str) -> None:
        """Something happened to an artifact; one without a tag is named by its digest."""
        at = f":{tag}" if tag else f"@{digest}"
        resource = {"digest": digest, "tag": tag or digest, "resource_url": f"{self.host}/{repository.name}{at}"}
        self.send(event, project, {"resources": [resource], "repository": _repository(project, repository)}, user)

    def quota(self, event: str, project: Project, repository: Repository, details: str, user: str) -> None:
        """A push did not fit, or nearly not."""
        data = {
            "resources": [{"resource_url": f"{self.host}/{repository.name}"}],
            "repository": _repository(project, repository),
            "custom_attributes": {"Details": details},
        }
        self.send(event, project, data, user)

    def replication(self, project: Project, repository: Repository, digest: str, tag: str) -> None:
        """A replication brought an artifact here."""
        name = f"{repository.rest}:{tag}"
        data = {
            "replication": {
                "harbor_hostname": self.host, "job_status": "Success", "description": "", "artifact_type": "image",
                "authentication_type": "basic", "override_mode": True, "trigger_type": "MANUAL",
                "policy_creator": "admin", "execution_timestamp": int(now().timestamp()),
                "src_resource": {"registry_name": "hub", "registry_type": "docker-registry", "namespace": project.name},
                # The end that is this Harbor has no registry's name (its source, replication.go).
                "dest_resource": {"registry_type": "harbor", "endpoint": self.host, "namespace": project.name},
                "successful_artifact": [{"type": "image", "status": "Success", "name_tag": name}],
            }
        }  # fmt: skip
        self.send("REPLICATION", project, data, "")

    def send(self, event: str, project: Project, data: dict[str, Any], user: str) -> None:
        """Queue a message for each target that listens to `event`."""
        with self.state.lock:
            if self.state.webhooks_lost or not self.state.configuration.get("notification_enable", True):
                return
            for policy in reversed(self.state.policies.values()):
                if policy.project == project.id and policy.enabled and event in policy.events:
                    policy.triggered[event] = now()
                    for target in policy.targets:
                        self._waiting.put((policy, target, event, self._message(policy, target, event, data, user)))

    def _message(
        self, policy: Policy, target: dict[str, Any], event: str, data: dict[str, Any], user: str
    ) -> dict[str, Any]:
        time = now()
        if target["payload_format"] == "CloudEvents":
            return {
                "specversion": "1.0", "id": str(uuid.uuid4()),
                "source": f"/projects/{policy.project}/webhook/policies/{policy.id}", "type": CLOUD[event],
                "datacontenttype": "application/json", "time": time.strftime("%Y-%m-%dT%H:%M:%SZ"), "data": data,
                "operator": user, "requestid": str(uuid.uuid4()),
            }  # fmt: skip
        return {"type": event, "occur_at": int(time.timestamp()), "operator": user, "event_data": data}

    def _run(self) -> None:
        while (one := self._waiting.get()) is not None:
            try:
                self._deliver(*one)
            finally:
                self._waiting.task_done()
        self._waiting.task_done()

    def _deliver(self, policy: Policy, target: dict[str, Any], event: str, message: dict[str, Any]) -> None:
        body = json.dumps(message, separators=(",", ":"))
        cloud = target["payload_format"] == "CloudEvents"
        headers = {
            "User-Agent": "Go-http-client/1.1", "Accept-Encoding": "gzip",
            "Content-Type": "application/cloudevents+json" if cloud else "application/json",
        }  # fmt: skip
        if target.get("auth_header"):
            headers["Authorization"] = target["auth_header"]
        try:
            address = self.state.where(target["address"])
            status = self._pool.request("POST", address, body=body, headers=headers, redirect=False).status
        except urllib3.exceptions.HTTPError:
            status = 0
        good = 200 <= status < 300
        with self.state.lock:
            policy.executions.append(
                {
                    "end_time": when(now()), "extra_attrs": {"event_type": event, "payload": body},
                    "id": self.state.next("execution"),
                    "metrics": {"success_task_count" if good else "error_task_count": 1, "task_count": 1},
                    "start_time": when(now()), "status": "Success" if good else "Error", "trigger": "EVENT",
                    "vendor_id": policy.id, "vendor_type": "WEBHOOK",
                }
            )  # fmt: skip

    def wait(self) -> None:
        """Return when every message so far has been sent."""
        self._waiting.join()

    def close(self) -> None:
        """Send no more."""
        self._waiting.put(None)


def _repository(project: Project, repository: Repository) -> dict[str, Any]:
    return {
        "date_created": int(repository.made.timestamp()), "name": repository.rest, "namespace": project.name,
        "repo_full_name": repository.name, "repo_type": "public" if project.public else "private",
    }  # fmt: skip
