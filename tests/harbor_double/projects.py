"""Projects: made, shown, changed, deleted; their metadata, members, quotas and immutable rules."""

import re
from typing import Any

from starlette.responses import Response

from tests.harbor_double.answers import Refusal, answer, asked, done, matches, ordered, paged, when
from tests.harbor_double.model import NEVER, Member, Project, now
from tests.harbor_double.routing import BASE, Call, api

KEYS = {
    "public", "enable_content_trust", "enable_content_trust_cosign", "prevent_vul", "severity", "auto_scan",
    "auto_sbom_generation", "reuse_sys_cve_allowlist", "retention_id", "proxy_speed_kb", "max_upstream_conn",
    "proxy_cache_local_on_not_found",
}  # fmt: skip
ROLES = {1: "projectAdmin", 2: "developer", 3: "guest", 4: "maintainer", 5: "limitedGuest"}


def shown(call: Call, project: Project) -> dict[str, Any]:
    """A project as the API has it (project-get-by-name, public-outsider-project, proxy-project-get)."""
    role = 1 if call.who.admin else project.role(call.who.user)
    made = when(project.made)
    body: dict[str, Any] = {
        "creation_time": made,
        "current_user_role_ids": [role] if role else None,
        "cve_allowlist": {
            "creation_time": when(NEVER), "id": project.allowlist, "items": [],
            "project_id": project.id, "update_time": when(NEVER),
        },
        "metadata": dict(sorted(project.metadata.items())),
        "name": project.name,
        "owner_id": project.owner.id,
        "owner_name": project.owner.name,
        "project_id": project.id,
        "repo_count": len(project.repositories),
        "update_time": made,
    }  # fmt: skip
    if role:
        body["current_user_role_id"] = role
    if project.registry:
        body["registry_id"] = project.registry
    return body


@api("GET", "/projects")
def projects(call: Call) -> Response:
    """The projects that the asker sees, by name (projects-list-dev, projects-list-q-public)."""
    query, wanted = call.query, asked(call.query)
    public = query.get("public", wanted.get("public"))
    found = [
        one
        for one in call.state.projects.values()
        if call.who.sees(one)
        and ("name" not in query or query["name"] in one.name)
        and matches(wanted.get("name"), one.name)
        and matches(wanted.get("registry_id"), str(one.registry or 0))
        and (public is None or one.public == (public == "true"))
        and ("owner" not in query or one.owner.name == query["owner"])
    ]
    keys = {
        "name": lambda one: one.name, "project_id": lambda one: one.id, "id": lambda one: one.id,
        "creation_time": lambda one: one.id, "update_time": lambda one: one.id,
    }  # fmt: skip
    return paged(call.path, query, ordered(found, query, keys, "name"), lambda one: shown(call, one))


@api("HEAD", "/projects")
def exists(call: Call) -> Response:
    """Whether a name is taken; robots may ask as well (robot-permission-matrix)."""
    call.signed_in()
    name = call.query.get("project_name", "")
    if call.state.project(name) is None:
        raise Refusal(404, f"project {name} not found")
    return done()


@api("POST", "/projects")
def create(call: Call) -> Response:
    """Make a project (project-create-*, proxy-project-create*)."""
    call.signed_in()
    body = call.body("project")
    name, registry = body.get("project_name", ""), body.get("registry_id") or 0
    metadata = {key: str(value) for key, value in (body.get("metadata") or {}).items() if key in KEYS}
    if call.who.robot and not call.who.may_system("project", "create"):
        raise Refusal(403, "forbidden")
    if registry and not call.who.admin and not call.who.may_system("project", "create"):
        raise Refusal(403, "Only system admin can create proxy cache project")
    restricted = call.state.configuration.get("project_creation_restriction") == "adminonly"
    if restricted and not call.who.admin and not call.who.robot:
        raise Refusal(403, "Only system admin can create project")
    if not 1 <= len(name) <= 255:
        raise Refusal(400, f"Project name {name} is illegal in length. (greater than 255 or less than 1)")
    if not re.fullmatch(r"[a-z0-9]+(?:[._-][a-z0-9]+)*", name):
        raise Refusal(400, "project name is not in lower case or contains illegal characters")
    if registry and registry not in call.state.upstreams:
        raise Refusal(500, "internal server error")
    if call.state.project(name):
        call.state.next("project")  # the database's sequence is used up all the same
        raise Refusal(409, f"The project named {name} already exists")
    made = call.state.add_project(name, owner=call.who.user, registry=registry, metadata=metadata)
    made.hard = body.get("storage_limit") or call.state.configuration.get("storage_per_project", -1)
    call.state.log(call.who.name, "create", name, "project", made.id)
    by_name = call.request.headers.get("x-resource-name-in-location", "").lower() == "true"
    return done(201, Location=f"{BASE}/projects/{name if by_name else made.id}")


@api("GET", "/projects/{project}")
def get(call: Call) -> Response:
    """One project."""
    return answer(shown(call, call.project("project", "read")))


@api("PUT", "/projects/{project}")
def update(call: Call) -> Response:
    """Change a project's metadata (project-update-put)."""
    project = call.project("project", "update")
    metadata = call.body("project").get("metadata") or {}
    project.metadata.update({key: str(value) for key, value in metadata.items() if key in KEYS})
    return done()


@api("DELETE", "/projects/{project}")
def delete(call: Call) -> Response:
    """Delete an empty project (project-delete-nonempty-412)."""
    project = call.project("project", "delete")
    if project.repositories:
        text = "the project contains repositories, can not be deleted"
        raise Refusal(412, f"precondition failed: {text}")
    del call.state.projects[project.id]
    call.state.policies = {key: one for key, one in call.state.policies.items() if one.project != project.id}
    call.state.robots = {key: one for key, one in call.state.robots.items() if one.project != project.id}
    call.state.log(call.who.name, "delete", project.name, "project", project.id)
    return done()


@api("GET", "/projects/{project}/_deletable")
def deletable(call: Call) -> Response:
    """Whether it could be deleted (project-deletable)."""
    if call.project("project", "delete").repositories:
        return answer({"message": "the project contains repositories, can not be deleted"})
    return answer({"deletable": True})


@api("GET", "/projects/{project}/summary")
def summary(call: Call) -> Response:
    """Counts of a project (project-summary)."""
    project = call.project("project", "read")
    body: dict[str, Any] = {"repo_count": len(project.repositories)}
    if call.who.may(project, "quota", "read"):
        body["quota"] = {"hard": {"storage": project.hard}, "used": {"storage": project.used()}}
    if call.who.may(project, "member", "list"):
        names = {
            1: "project_admin_count", 2: "developer_count", 3: "guest_count", 4: "maintainer_count",
            5: "limited_guest_count",
        }  # fmt: skip
        for member in project.members:
            body[names[member.role]] = body.get(names[member.role], 0) + 1
    if project.registry in call.state.upstreams:
        upstream = call.state.upstreams[project.registry]
        body["registry"] = {"id": upstream.id, "name": upstream.name, "type": upstream.type, "url": upstream.url}
    return answer(body)


# -- metadata


@api("GET", "/projects/{project}/metadatas/")
def metadata(call: Call) -> Response:
    """All metadata."""
    return answer(dict(sorted(call.project("metadata", "list").metadata.items())))


@api("POST", "/projects/{project}/metadatas/")
def add_metadata(call: Call) -> Response:
    """Set a key that was not there (project-metadata-unknown-key)."""
    project, body = call.project("metadata", "create"), call.body("metadata")
    for key, value in body.items():
        if key not in KEYS:
            raise Refusal(400, f"invalid key: {key}")
        if key in project.metadata:
            raise Refusal(409, f"metadata {key} already exists")
        project.metadata[key] = str(value)
    return done()


@api("GET", "/projects/{project}/metadatas/{key}")
def one_metadata(call: Call) -> Response:
    """One key."""
    project, key = call.project("metadata", "read"), call.values["key"]
    if key not in project.metadata:
        raise Refusal(404, f"metadata {key} not found")
    return answer({key: project.metadata[key]})


@api("PUT", "/projects/{project}/metadatas/{key}")
def set_metadata(call: Call) -> Response:
    """Change one key."""
    project, key = call.project("metadata", "update"), call.values["key"]
    if key not in project.metadata:
        raise Refusal(404, f"metadata {key} not found")
    project.metadata[key] = str(call.body("metadata").get(key, ""))
    return done()


@api("DELETE", "/projects/{project}/metadatas/{key}")
def drop_metadata(call: Call) -> Response:
    """Forget one key."""
    call.project("metadata", "delete").metadata.pop(call.values["key"], None)
    return done()


# -- members


def member_shown(member: Member) -> dict[str, Any]:
    """A member as the API has it (members-list)."""
    return {
        "entity_id": member.user.id, "entity_name": member.user.name, "entity_type": "u", "id": member.id,
        "project_id": member.project, "role_id": member.role, "role_name": ROLES[member.role],
    }  # fmt: skip


@api("GET", "/projects/{project}/members")
def members(call: Call) -> Response:
    """Who is a member."""
    project = call.project("member", "list")
    wanted = call.query.get("entityname", "")
    found = [one for one in project.members if wanted in one.user.name]
    return paged(call.path, call.query, found, member_shown)


@api("POST", "/projects/{project}/members")
def add_member(call: Call) -> Response:
    """Make somebody a member (member-add-dev-developer)."""
    project, body = call.project("member", "create"), call.body("project_member")
    user = call.state.users.get((body.get("member_user") or {}).get("username", ""))
    if user is None:
        raise Refusal(404, "the user does not exist")
    if project.role(user):
        raise Refusal(409, f"the project member {user.name} already exists")
    if body.get("role_id") not in ROLES:
        raise Refusal(400, "invalid role")
    member = call.state.add_member(project, user, body["role_id"])
    return done(201, Location=f"{BASE}/projects/{project.name}/members/{member.id}")


# -- quotas


def quota_shown(project: Project) -> dict[str, Any]:
    """A project's quota as the API has it (quota-get)."""
    return {
        "creation_time": when(project.made), "hard": {"storage": project.hard}, "id": project.quota,
        "ref": {"id": project.id, "name": project.name, "owner_name": ""},
        "update_time": when(project.quota_changed), "used": {"storage": project.used()},
    }  # fmt: skip


@api("GET", "/quotas")
def quotas(call: Call) -> Response:
    """All quotas, the newest first (quotas-list)."""
    call.system("quota", "list")
    found = [one for one in call.state.projects.values() if call.query.get("reference_id") in (None, str(one.id))]
    keys = {"hard.storage": lambda one: one.hard, "used.storage": lambda one: one.used(), "id": lambda one: one.quota}
    return paged(call.path, call.query, ordered(found, call.query, keys, "-id"), quota_shown)


def _quota(call: Call) -> Project:
    for project in call.state.projects.values():
        if str(project.quota) == call.values["id"]:
            return project
    raise Refusal(404, f"quota {call.values['id']} not found")


@api("GET", "/quotas/{id}")
def quota(call: Call) -> Response:
    """One quota."""
    call.system("quota", "read")
    return answer(quota_shown(_quota(call)))


@api("PUT", "/quotas/{id}")
def set_quota(call: Call) -> Response:
    """Change a limit (quota-update-small)."""
    call.system("quota", "update")
    project, hard = _quota(call), (call.body("hard").get("hard") or {}).get("storage", -1)
    if not isinstance(hard, int) or hard < -1 or hard == 0:
        raise Refusal(400, "invalid quota: the value of storage must be -1 or greater than 0")
    project.hard, project.quota_changed = hard, now()
    return done()


# -- immutable rules


@api("GET", "/projects/{project}/immutabletagrules")
def immutable_rules(call: Call) -> Response:
    """The rules by which tags cannot be changed."""
    return paged(call.path, call.query, call.project("immutable-tag", "list").immutable, lambda one: one)


@api("POST", "/projects/{project}/immutabletagrules")
def add_immutable_rule(call: Call) -> Response:
    """Make a rule (immutable-rule-create)."""
    project, rule = call.project("immutable-tag", "create"), call.body("immutable_tag_rule")
    rule["id"] = call.state.next("immutable")
    project.immutable.append(rule)
    return done(201, Location=f"{call.path}/{rule['id']}")


@api("DELETE", "/projects/{project}/immutabletagrules/{id}")
def drop_immutable_rule(call: Call) -> Response:
    """Forget a rule."""
    project = call.project("immutable-tag", "delete")
    project.immutable = [one for one in project.immutable if str(one["id"]) != call.values["id"]]
    return done()


def immutable(project: Project, repository: str, tag: str) -> bool:
    """Whether a rule forbids to change this tag (`repository` without the project's name)."""
    return any(
        not rule.get("disabled")
        and all(_selects(one, tag) for one in rule.get("tag_selectors", []))
        and all(_selects(one, repository) for one in (rule.get("scope_selectors") or {}).get("repository", []))
        for rule in project.immutable
    )


def _selects(selector: dict[str, Any], name: str) -> bool:
    parts = re.split(r"(\*\*|\*|\?|\{[^}]*\})", selector["pattern"])
    kinds = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    pattern = "".join(
        f"(?:{'|'.join(map(re.escape, part[1:-1].split(',')))})"
        if part.startswith("{") and part.endswith("}")
        else kinds.get(part, re.escape(part))
        for part in parts
    )
    return bool(re.fullmatch(pattern, name)) != ("excludes" in selector.get("decoration", "").lower())
