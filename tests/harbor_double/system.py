"""The system: health, information, configuration, audit log, labels, garbage collection, job queues."""

import json
import shutil
from typing import Any

from starlette.responses import PlainTextResponse, Response

from tests.harbor_double.answers import Refusal, answer, asked, done, matches, ordered, paged, when
from tests.harbor_double.model import NEVER, Event, Label, now
from tests.harbor_double.routing import BASE, Call, api
from tests.harbor_double.who import PROJECT_RIGHTS, SYSTEM_RIGHTS, lines

COMPONENTS = ("core", "database", "jobservice", "portal", "redis", "registry", "registryctl")


@api("GET", "/health")
def health(call: Call) -> Response:
    """The components; 200 also where one is not healthy (health)."""
    states = {name: call.state.components.get(name, "healthy") for name in COMPONENTS}
    whole = "healthy" if set(states.values()) == {"healthy"} else "unhealthy"
    found: list[dict[str, str]] = [{"name": name, "status": state} for name, state in states.items()]
    for one in found:
        if one["status"] != "healthy":
            one["error"] = f"{one['name']} does not answer"
    return answer({"components": found, "status": whole})


@api("GET", "/ping")
def ping(_call: Call) -> Response:
    """Pong (ping)."""
    response = PlainTextResponse("Pong")
    response.headers["content-type"] = "text/plain"
    return response


@api("GET", "/systeminfo")
def systeminfo(call: Call) -> Response:
    """What this is: little to strangers, no version (systeminfo-anonymous, systeminfo-admin)."""
    setting = call.state.configuration.get
    body: dict[str, Any] = {
        "auth_mode": setting("auth_mode", "db_auth"), "banner_message": setting("banner_message", ""),
        "oidc_provider_name": "", "primary_auth_mode": False,
        "self_registration": setting("self_registration", False),
    }  # fmt: skip
    if call.who.known:
        url = call.state.external_url
        body |= {
            "current_time": when(now()), "external_url": url, "harbor_version": call.state.version,
            "has_ca_root": False, "notification_enable": setting("notification_enable", True),
            "project_creation_restriction": setting("project_creation_restriction", "everyone"),
            "read_only": call.state.read_only, "registry_storage_provider_name": "filesystem",
            "registry_url": url.partition("://")[2],
        }  # fmt: skip
    return answer(body)


@api("GET", "/systeminfo/volumes")
def volumes(call: Call) -> Response:
    """Space on disk (systeminfo-volumes-admin)."""
    call.system("system-volumes", "read")
    usage = shutil.disk_usage(call.parts.folder)
    return answer({"storage": [{"free": usage.free, "total": usage.total}]})


# -- configuration

_TEXT = """
    audit_log_forward_endpoint banner_message disabled_audit_log_event_types http_authproxy_admin_groups
    http_authproxy_admin_usernames http_authproxy_endpoint http_authproxy_server_certificate
    http_authproxy_tokenreview_endpoint ldap_base_dn ldap_filter ldap_group_admin_dn ldap_group_attribute_name
    ldap_group_base_dn ldap_group_search_filter ldap_search_dn ldap_url oidc_admin_group oidc_client_id oidc_endpoint
    oidc_group_filter oidc_groups_claim oidc_name oidc_scope oidc_user_claim uaa_client_id uaa_client_secret
    uaa_endpoint
"""
_OFF = """
    http_authproxy_skip_search ldap_group_attach_parallel oidc_auto_onboard oidc_logout primary_auth_mode read_only
    scanner_skip_update_pulltime self_registration skip_audit_log_database uaa_verify_cert
"""
_ON = "http_authproxy_verify_cert ldap_verify_cert notification_enable oidc_verify_cert quota_per_project_enable"
_OTHER = {
    "auth_mode": "db_auth", "ldap_group_membership_attribute": "memberof", "ldap_group_search_scope": 2,
    "ldap_scope": 2, "ldap_timeout": 5, "ldap_uid": "cn", "oidc_extra_redirect_parms": "{}",
    "project_creation_restriction": "everyone", "robot_name_prefix": "robot$", "robot_token_duration": 30,
    "session_timeout": 60, "storage_per_project": -1, "token_expiration": 30,
}  # fmt: skip
# configurations-admin: every key with its default
CONFIGURATION: dict[str, Any] = {
    **dict.fromkeys(_TEXT.split(), ""), **dict.fromkeys(_OFF.split(), False), **dict.fromkeys(_ON.split(), True),
    **_OTHER,
}  # fmt: skip


@api("GET", "/configurations")
def configurations(call: Call) -> Response:
    """Every setting (configurations-admin)."""
    call.system("configuration", "read")
    values = {**CONFIGURATION, **call.state.configuration}
    body: dict[str, Any] = {key: {"editable": key != "auth_mode", "value": values[key]} for key in CONFIGURATION}
    body["scan_all_policy"] = {}
    return answer(dict(sorted(body.items())))


@api("PUT", "/configurations")
def configure(call: Call) -> Response:
    """Change settings; what it does not know is taken without a word (configurations-put-unknown)."""
    call.system("configuration", "update")
    changed = call.body("configurations")
    call.state.configuration.update({key: value for key, value in changed.items() if key in CONFIGURATION})
    return done()


@api("GET", "/internalconfig")
def internal(_call: Call) -> Response:
    """For Harbor's own services only (internal-configurations)."""
    raise Refusal(401, "only internal service is allowed to call this API")


@api("GET", "/permissions")
def permissions(call: Call) -> Response:
    """What a robot can be given (permissions)."""
    call.signed_in()
    if not call.who.admin:
        raise Refusal(403, call.who.name)
    return answer({"project": lines(PROJECT_RIGHTS), "system": lines(SYSTEM_RIGHTS)})


# -- audit log


def event_shown(event: Event) -> dict[str, Any]:
    """A line of the audit log as the API has it."""
    body = {
        "id": event.id, "op_time": when(event.time), "operation": event.operation,
        "operation_description": event.description, "operation_result": event.good,
        "resource_type": event.resource_type, "username": event.user,
    }  # fmt: skip
    return {**body, "resource": event.resource} if event.resource else body


def _events(call: Call, found: list[Event]) -> Response:
    wanted = asked(call.query)
    found = [
        one
        for one in found
        if matches(wanted.get("username"), one.user)
        and matches(wanted.get("operation"), one.operation)
        and matches(wanted.get("resource"), one.resource)
        and matches(wanted.get("resource_type"), one.resource_type)
        and matches(wanted.get("op_time"), one.time.strftime("%Y-%m-%dT%H:%M:%S"))
    ]
    found = ordered(found, call.query, {"op_time": lambda one: one.id}, "-op_time")
    return paged(call.path, call.query, found, event_shown)


@api("GET", "/audit-logs")
def old_log(call: Call) -> Response:
    """Empty since 2.13; an anonymous refusal has no message (auditlogs-*)."""
    if not call.who.known:
        raise Refusal(401, "")
    return paged(call.path, call.query, [], lambda one: one)


@api("GET", "/auditlog-exts")
def log(call: Call) -> Response:
    """What happened, the newest first; robots without the right see none (auditlog-exts-*)."""
    if not call.who.known:
        raise Refusal(401, "")
    all_seen = call.who.may_system("audit-log", "list")
    seen = {one.id for one in call.state.projects.values() if call.who.may(one, "log", "list")}
    return _events(call, [one for one in call.state.events if all_seen or one.project in seen])


@api("GET", "/auditlog-exts/events")
def log_events(call: Call) -> Response:
    """What can be in the log (auditlog-exts-events)."""
    call.signed_in()
    names = """
        create_artifact delete_artifact pull_artifact create_project delete_project delete_repository login_user
        logout_user create_user delete_user update_user create_robot delete_robot update_configuration
    """
    return answer([{"event_type": name} for name in names.split()])


@api("GET", "/projects/{project}/logs")
def old_project_log(call: Call) -> Response:
    """Empty, as the old log of all is (project-logs)."""
    call.project("log", "list")
    return paged(call.path, call.query, [], lambda one: one)


@api("GET", "/projects/{project}/auditlog-exts")
def project_log(call: Call) -> Response:
    """What happened in a project (project-auditlog-exts)."""
    project = call.project("log", "list")
    return _events(call, [one for one in call.state.events if one.project == project.id])


# -- labels


def label_shown(label: Label) -> dict[str, Any]:
    """A label as the API has it (labels-list)."""
    body = {
        "color": label.color, "creation_time": when(label.made), "id": label.id, "name": label.name,
        "scope": label.scope, "update_time": when(label.made),
    }  # fmt: skip
    if label.description:
        body["description"] = label.description
    return {**body, "project_id": label.project} if label.project else body


@api("GET", "/labels")
def labels(call: Call) -> Response:
    """The labels of all, or of a project."""
    call.signed_in()
    query = call.query
    if query.get("scope") not in ("g", "p"):
        raise Refusal(400, "unsupported label scope")
    found = [
        one
        for one in call.state.labels.values()
        if one.scope == query["scope"]
        and query.get("project_id", str(one.project)) == str(one.project)
        and query.get("name", "") in one.name
    ]
    return paged(call.path, query, found, label_shown)


@api("POST", "/labels")
def add_label(call: Call) -> Response:
    """Make a label (label-create*)."""
    call.signed_in()
    body = call.body("label")
    scope, project = body.get("scope"), body.get("project_id") or 0
    if scope not in ("g", "p"):
        raise Refusal(400, "unsupported label scope")
    if scope == "g":
        call.system("label", "create")
    elif project not in call.state.projects or not call.who.may(call.state.projects[project], "label", "create"):
        raise Refusal(403, "forbidden")
    number, name = call.state.next("label"), body.get("name", "")
    if any((one.name, one.scope, one.project) == (name, scope, project) for one in call.state.labels.values()):
        raise Refusal(409, f"label {name} already exists")
    label = Label(number, name, scope, body.get("color", ""), body.get("description", ""), project)
    call.state.labels[number] = label
    return done(201, Location=f"{BASE}/labels/{number}")


# -- scanners, garbage collection, queues


@api("GET", "/scanners")
def scanners(call: Call) -> Response:
    """None is installed (scanners)."""
    call.system("scanner", "list")
    return paged(call.path, call.query, [], lambda one: one)


@api("GET", "/projects/{project}/scanner")
def scanner(call: Call) -> Response:
    """None is configured (project-scanner)."""
    call.project("scanner", "read")
    return Response(b"", media_type="application/json")


@api("GET", "/system/gc/schedule")
def schedule(call: Call) -> Response:
    """No garbage collection is planned (schedule-gc)."""
    call.system("garbage-collection", "read")
    return Response(b"", media_type="application/json")


@api("POST", "/system/gc/schedule")
def collect(call: Call) -> Response:
    """Collect now; here it is done at once, and collects nothing (gc-run)."""
    call.system("garbage-collection", "create")
    body = call.body("schedule")
    number = call.state.next("execution")
    call.state.jobs.append({"id": number, "parameters": body.get("parameters") or {}, "time": now()})
    return done(201, Location=f"{BASE}/system/gc/{number}")


@api("GET", "/system/gc")
def collections(call: Call) -> Response:
    """The garbage collections, the newest first (gc-history)."""
    call.system("garbage-collection", "list")
    return paged(call.path, call.query, call.state.jobs[::-1], _collection)


def _collection(job: dict[str, Any]) -> dict[str, Any]:
    return {
        "creation_time": when(job["time"]), "id": job["id"], "job_kind": "MANUAL", "job_name": "GARBAGE_COLLECTION",
        "job_parameters": json.dumps(job["parameters"], separators=(",", ":")), "job_status": "Success",
        "schedule": {"next_scheduled_time": when(NEVER), "type": "Manual"}, "update_time": when(job["time"]),
    }  # fmt: skip


@api("GET", "/jobservice/queues")
def queues(call: Call) -> Response:
    """The queues of the job service (jobservice-queues)."""
    call.system("jobservice-monitor", "list")
    names = """
        AUDIT_LOGS_GDPR_COMPLIANT EXECUTION_SWEEP GARBAGE_COLLECTION IMAGE_SCAN P2P_PREHEAT PURGE_AUDIT_LOG REPLICATION
        RETENTION SCAN_DATA_EXPORT SCHEDULER SLACK SYSTEM_ARTIFACT_CLEANUP WEBHOOK
    """
    return answer([{"job_type": name, "paused": False} for name in names.split()])


@api("GET", "/jobservice/pools")
def pools(call: Call) -> Response:
    """The workers of the job service (jobservice-pools)."""
    call.system("jobservice-monitor", "list")
    pool = {"concurrency": 10, "heartbeat_at": when(now()), "pid": 1, "start_at": when(now())}
    return answer([{**pool, "worker_pool_id": "5f0c1e8a2b7d49c3"}])
