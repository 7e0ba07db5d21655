"""Where recorded answers of the real Harbor differ from its own contract: the recording wins."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """A breach, as a pattern over contract.breaches' lines, that `recording` shows."""

    recording: str
    breach: str

    def matches(self, line: str) -> bool:
        """Whether a breach is this one."""
        return re.fullmatch(self.breach, line) is not None


WRITE = "(POST|PUT|PATCH|DELETE) "
ARTIFACTS = r"GET /projects/\{project_name(_or_id)?\}(/repositories/\{repository_name\})?/artifacts"
EACH = rf"{ARTIFACTS}(/\{{reference\}})? 200: (\*/)?"
DIFFERENCES = (
    # Every operation can refuse who asks, or a form that is none; the contract tells of it only here and there.
    Difference("project-get-403-outsider", r"(GET|HEAD) .* 40[13]: no such status"),
    Difference("csrf-5-post-cookie-no-token-403", WRITE + r".* 40[13]: no such status"),
    Difference("project-create-400-garbage-json", WRITE + r".* 422: no such status"),
    Difference("repositories-page-size-101", r"GET .* 422: no such status"),
    Difference("project-get-404", r"GET /projects/\{project_name_or_id\} 404: no such status"),
    Difference("artifact-scan-no-scanner", r"POST .*/scan 412: no such status"),
    Difference("robot-create-409-dup", r"POST /robots 409: no such status"),
    Difference("immutable-tag-delete", r"DELETE .*/tags/\{tag_name\} 412: no such status"),
    Difference("robot-permission-matrix", r"GET /users/current 412: no such status"),
    # What there is none of is null, where the contract wants an empty list.
    Difference("wrong-password-on-public-endpoint", r"GET /projects 200: \*/current_user_role_ids is NoneType .*"),
    Difference("public-anonymous-project", r"GET /projects/.* 200: current_user_role_ids is NoneType and not array"),
    Difference("artifact-by-tag", EACH + "references is NoneType and not array"),
    Difference("artifact-by-tag", EACH + "labels is NoneType and not array"),
    Difference("artifact-by-tag", EACH + "accessories is NoneType and not array"),
    Difference("artifacts-list-default", EACH + "tags is NoneType and not array"),
    Difference("artifact-index", EACH + r"references/\*/urls is NoneType and not array"),
    Difference("registry-info", r"GET /registries/\{id\}/info 200: .*/values is NoneType and not array"),
    # Other types, and names, than the contract says.
    Difference("artifact-index", EACH + r"references/\*/platform has OsFeatures"),
    Difference("artifact-by-tag", EACH + r"extra_attrs/(architecture|author|os|created) is str and not object"),
    Difference("sig-bogus-presigned-artifact", EACH + "extra_attrs/created is NoneType and not object"),
    Difference("artifact-addition-build-history", r"GET .*/additions/\{addition\} 200: \. is list and not string"),
    Difference("webhook-executions", r"GET .*/executions 200: \*/extra_attrs/(payload|event_type) is str .*"),
    Difference("schedule-gc", r"GET /system/gc/schedule 200: it has no body"),
    Difference("project-scanner", r"GET /projects/\{project_name_or_id\}/scanner 200: it has no body"),
)
