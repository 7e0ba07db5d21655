"""Webhook policies of a project, and what became of their messages."""

import re
import urllib.parse
from typing import Any

from starlette.responses import Response

from tests.harbor_double.answers import Refusal, answer, done, paged, when
from tests.harbor_double.model import NEVER, Policy
from tests.harbor_double.routing import Call, api

EVENTS = [
    "PUSH_ARTIFACT", "PULL_ARTIFACT", "DELETE_ARTIFACT", "QUOTA_EXCEED", "QUOTA_WARNING", "SCANNING_FAILED",
    "SCANNING_STOPPED", "SCANNING_COMPLETED", "REPLICATION", "TAG_RETENTION",
]  # fmt: skip
POLICIES = "/projects/{project}/webhook/policies"


def shown(policy: Policy) -> dict[str, Any]:
    """A policy as the API has it: with the secret of its header in the clear (webhook-policies)."""
    body: dict[str, Any] = {
        "creation_time": when(policy.made), "enabled": policy.enabled, "event_types": policy.events, "id": policy.id,
        "name": policy.name, "project_id": policy.project, "targets": policy.targets, "update_time": when(policy.made),
    }  # fmt: skip
    return {**body, "description": policy.description} if policy.description else body


def _checked(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The targets of a policy as they are kept, or why not (webhook-create-bad-event, webhook-create-bad-url)."""
    if not body.get("targets"):
        raise Refusal(400, "empty notification target with policy " + str(body.get("name", "")))
    kept = []
    for target in body["targets"]:
        address = target.get("address", "")
        url = address if "://" in address else f"http://{address}"
        host = urllib.parse.urlsplit(url).netloc
        if re.search(r"[\s<>\"]", host):
            raise Refusal(400, f'parse "{url}": invalid character " " in host name')
        if target.get("type") not in ("http", "slack"):
            raise Refusal(400, f"unsupported notification type {target.get('type')}")
        formats = ("Default", "CloudEvents", "", None)
        if target.get("payload_format") not in formats:
            raise Refusal(400, f"unsupported payload format type: {target.get('payload_format')}")
        one = {
            "address": url, "payload_format": target.get("payload_format") or "Default",
            "skip_cert_verify": bool(target.get("skip_cert_verify")), "type": target["type"],
        }  # fmt: skip
        kept.append({**one, "auth_header": target["auth_header"]} if target.get("auth_header") else one)
    for event in body.get("event_types") or []:
        if event not in EVENTS:
            raise Refusal(400, f"unsupported event type {event}")
    if not body.get("event_types"):
        raise Refusal(400, "empty event type")
    return kept


@api("GET", "/projects/{project}/webhook/events")
def events(call: Call) -> Response:
    """What a policy can listen to (webhook-events)."""
    call.project("notification-policy", "read")
    formats = [{"formats": ["Default", "CloudEvents"], "notify_type": "http"}]
    return answer({"event_type": EVENTS, "notify_type": ["http", "slack"], "payload_formats": formats})


def _of(call: Call, action: str) -> tuple[list[Policy], int]:
    project = call.project("notification-policy", action)
    return [one for one in call.state.policies.values() if one.project == project.id], project.id


def _one(call: Call, action: str) -> Policy:
    found, _ = _of(call, action)
    for policy in found:
        if str(policy.id) == call.values["id"]:
            return policy
    raise Refusal(404, f"notification policy {call.values['id']} not found")


@api("GET", POLICIES)
def policies(call: Call) -> Response:
    """The policies of a project, the newest first."""
    return paged(call.path, call.query, _of(call, "list")[0][::-1], shown)


@api("POST", POLICIES)
def create(call: Call) -> Response:
    """Make a policy (webhook-create*)."""
    found, project = _of(call, "create")
    body = call.body("policy")
    targets = _checked(body)
    name = body.get("name", "")
    if any(one.name == name for one in found):
        raise Refusal(409, f"notification policy named {name} already exists")
    policy = Policy(
        call.state.next("policy"), name, project, targets, list(body["event_types"]), bool(body.get("enabled")),
        body.get("description", ""),
    )  # fmt: skip
    call.state.policies[policy.id] = policy
    return done(201, Location=f"{call.path}/{policy.id}")


@api("GET", POLICIES + "/{id}")
def get(call: Call) -> Response:
    """One policy."""
    return answer(shown(_one(call, "read")))


@api("PUT", POLICIES + "/{id}")
def update(call: Call) -> Response:
    """Change a policy."""
    policy, body = _one(call, "update"), call.body("policy")
    policy.targets, policy.events = _checked(body), list(body["event_types"])
    policy.name, policy.enabled = body.get("name", policy.name), bool(body.get("enabled"))
    policy.description = body.get("description", policy.description)
    return done()


@api("DELETE", POLICIES + "/{id}")
def delete(call: Call) -> Response:
    """Forget a policy."""
    del call.state.policies[_one(call, "delete").id]
    return done()


@api("GET", POLICIES + "/{id}/executions")
def executions(call: Call) -> Response:
    """The messages of a policy, the newest first (webhook-executions)."""
    return paged(call.path, call.query, _one(call, "read").executions[::-1], lambda one: one)


@api("GET", "/projects/{project}/webhook/lasttrigger")
def last(call: Call) -> Response:
    """When each event of each policy happened last (webhook-jobs-lasttrigger)."""
    found, _ = _of(call, "list")
    return answer(
        [
            {
                "creation_time": when(policy.made), "enabled": policy.enabled, "event_type": event,
                "last_trigger_time": when(policy.triggered.get(event, NEVER)), "policy_name": policy.name,
            }
            for policy in found[::-1]
            for event in policy.events
        ]
    )  # fmt: skip
