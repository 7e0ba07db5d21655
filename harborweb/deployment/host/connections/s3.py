"""S3-compatible storage: reach the bucket, and put, read and delete one tiny object below rootdirectory."""

import secrets
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from django.utils.translation import gettext as _

from harborweb.deployment.host.addresses import host_of
from harborweb.deployment.host.connections.asking import ANSWER, CONNECT, resolves, trusted, words
from harborweb.deployment.host.findings import Machine, Sheet

BLOCK = "storage_service.s3"
BODY = b"harborweb connection check; may be deleted\n"
SKEW = 300  # seconds; S3 refuses beyond 900
KEYS = {
    "InvalidAccessKeyId": "accesskey", "SignatureDoesNotMatch": "secretkey", "NoSuchBucket": "bucket",
    "AccessDenied": "accesskey", "AuthorizationHeaderMalformed": "region", "PermanentRedirect": "region",
    "IllegalLocationConstraintException": "region", "InvalidRegion": "region", "404": "bucket", "403": "accesskey",
    "301": "region", "InvalidBucketName": "bucket",
}  # fmt: skip


def look(machine: Machine, sheet: Sheet) -> None:
    """The bucket, with the driver's own parameters."""
    bucket = machine.word(f"{BLOCK}.bucket")
    if machine.document.kind(BLOCK) != "mapping" or not bucket:
        return
    endpoint = _endpoint(machine)
    if endpoint:
        host = host_of(endpoint)
        if not host:
            text = _("%(place)s is no address of an S3 server.") % {"place": endpoint}
            sheet.warning(f"{BLOCK}.regionendpoint", text, "", _("Write it as https://s3.example:9000."))
        if not host or not resolves(machine, sheet, f"{BLOCK}.regionendpoint", host):
            return
    # Loaded here: they take a while, which no web process should spend.
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

    place = {"bucket": bucket, "place": endpoint or f"S3 ({machine.word(f'{BLOCK}.region')})"}
    try:
        with trusted(machine) as authorities:
            client = _client(machine, endpoint, authorities)
            _talk(machine, sheet, client, bucket, place)
    except ClientError as error:
        _say_refused(machine, sheet, error.response, place)
    except (BotoCoreError, HTTPClientError, ValueError, OSError) as error:
        _say_unreached(sheet, error, place)


def _endpoint(machine: Machine) -> str:
    text = machine.word(f"{BLOCK}.regionendpoint").rstrip("/")
    if not text or "://" in text:
        return text
    return f"{'https' if machine.on(f'{BLOCK}.secure', True) else 'http'}://{text}"


def _client(machine: Machine, endpoint: str, authorities: str) -> Any:
    import botocore.session
    from botocore import UNSIGNED
    from botocore.config import Config

    if machine.on(f"{BLOCK}.skipverify"):
        import urllib3

        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # the operator has asked for it
    signed = bool(machine.word(f"{BLOCK}.accesskey"))
    path_style = machine.on(f"{BLOCK}.forcepathstyle", bool(endpoint))
    secure = machine.on(f"{BLOCK}.secure", True)
    nothing = (None, None, "/nonexistent", None)  # the settings of whoever runs us are not the registry's
    session = botocore.session.Session(
        session_vars={"config_file": nothing, "credentials_file": nothing, "profile": (None, None, None, None)}
    )
    client = session.create_client(
        "s3", region_name=machine.word(f"{BLOCK}.region") or "us-east-1", endpoint_url=endpoint or None,
        use_ssl=secure, verify=False if machine.on(f"{BLOCK}.skipverify") else authorities,
        aws_access_key_id=machine.word(f"{BLOCK}.accesskey") or None,
        aws_secret_access_key=machine.word(f"{BLOCK}.secretkey") or None,
        aws_session_token=machine.word(f"{BLOCK}.sessiontoken") or None,
        config=Config(
            connect_timeout=CONNECT, read_timeout=ANSWER, retries={"total_max_attempts": 1}, proxies={},
            signature_version="s3v4" if signed else UNSIGNED, s3={"addressing_style": "path" if path_style else "auto"},
            request_checksum_calculation="when_required", response_checksum_validation="when_required",
            ignore_configured_endpoint_urls=True,
        ),
    )  # fmt: skip
    client.meta.events.register("before-call.s3", _follow_no_redirect)
    return client


def _follow_no_redirect(params: dict[str, Any], **_more: Any) -> None:
    """botocore asks again in the region that it is told; the registry does not."""
    params["context"]["s3_redirect"] = {**params["context"].get("s3_redirect", {}), "redirected": True}


def _talk(machine: Machine, sheet: Sheet, client: Any, bucket: str, place: dict[str, str]) -> None:
    from botocore.exceptions import ClientError

    root = machine.word(f"{BLOCK}.rootdirectory").strip("/")
    try:
        head = client.head_bucket(Bucket=bucket)
    except ClientError as error:
        _skew(sheet, error.response)
        if machine.word(f"{BLOCK}.accesskey"):  # an answer to HEAD has no words; the same question as a GET has
            client.list_objects_v2(Bucket=bucket, MaxKeys=1)
        raise
    _skew(sheet, head)
    region, ours = head.get("BucketRegion") or "", machine.word(f"{BLOCK}.region")
    if region and ours and region != ours:
        text = _("The bucket %(bucket)s is in the region %(region)s, not in %(ours)s.")
        sheet.warning(
            f"{BLOCK}.region", text % {**place, "region": region, "ours": ours},
            _("The registry would be sent away with a redirect that it does not follow."), _("Write that region."),
        )  # fmt: skip
    if not machine.word(f"{BLOCK}.accesskey"):
        sheet.unknown(BLOCK, _("%(bucket)s is there. Without accesskey the registry uses this machine’s role.") % place)
        return
    _object(
        machine, sheet, client, bucket, f"{root}/harborweb-connection-check-{secrets.token_hex(6)}".lstrip("/"), place
    )


def _object(machine: Machine, sheet: Sheet, client: Any, bucket: str, key: str, place: dict[str, str]) -> None:
    client.put_object(Bucket=bucket, Key=key, Body=BODY, **_asked_of_objects(machine))
    try:
        same = client.get_object(Bucket=bucket, Key=key)["Body"].read() == BODY
    finally:
        _delete(sheet, client, bucket, key, place)
    if same:
        text = _("A tiny object was put into %(bucket)s at %(place)s, read and deleted again.")
        sheet.fine(BLOCK, text % place)
    else:
        text = _("What was put into %(bucket)s came back as something else.") % place
        sheet.warning(BLOCK, text, "", _("Look at the storage server’s own log."))


def _delete(sheet: Sheet, client: Any, bucket: str, key: str, place: dict[str, str]) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client.delete_object(Bucket=bucket, Key=key)
    except (ClientError, BotoCoreError) as error:
        sheet.warning(
            BLOCK, _("The test object %(key)s stays in %(bucket)s: %(said)s.")
            % {**place, "key": key, "said": words(error)},
            _("Without the right to delete, garbage collection fails, and pushes that were broken off stay for ever."),
            _("Allow s3:DeleteObject for that user, then delete it by hand."),
        )  # fmt: skip


def _asked_of_objects(machine: Machine) -> dict[str, str]:
    """What the driver asks of every object: encryption and storage class may be forbidden, or a key unknown."""
    asked = {}
    if machine.on(f"{BLOCK}.encrypt"):
        key = machine.word(f"{BLOCK}.keyid")
        asked = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {"ServerSideEncryption": "AES256"}
    if (kind := machine.word(f"{BLOCK}.storageclass").upper()) and kind != "NONE":
        asked["StorageClass"] = kind
    return asked


def _skew(sheet: Sheet, answer: dict[str, Any]) -> None:
    """The other side's clock against ours: signatures carry the time."""
    date = (answer.get("ResponseMetadata") or {}).get("HTTPHeaders", {}).get("date", "")
    try:
        apart = (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return
    if abs(apart) > SKEW:
        sheet.warning(
            BLOCK, _("The clocks of this machine and of the storage are %(minutes)d minutes apart.")
            % {"minutes": abs(apart) // 60},
            _("S3 refuses what is signed more than 15 minutes off."), _("Let both follow a time server."),
        )  # fmt: skip


def _say_refused(machine: Machine, sheet: Sheet, answer: dict[str, Any], place: dict[str, str]) -> None:
    error = answer.get("Error", {})
    code, message = str(error.get("Code", "?")), words(str(error.get("Message", "")), 300)
    key = KEYS.get(code, "accesskey" if "access key" in message.lower() else "")
    advice = {
        "accesskey": _("Look at accesskey and secretkey, and at what that user may do with the bucket."),
        "secretkey": _("Look at secretkey; characters that YAML changes go into quotes."),
        "bucket": _("Make the bucket, or mend its name: the registry does not make it."),
        "region": _("Write the region that the storage names."),
    }.get(key, _("Look at the storage server’s own log."))
    if code == "RequestTimeTooSkewed":
        advice = _("Set the clock of this machine: let it follow a time server.")
    sheet.warning(
        f"{BLOCK}.{key}" if key and machine.document.has(f"{BLOCK}.{key}") else BLOCK,
        _("%(place)s, bucket %(bucket)s: %(code)s: %(message)s.") % {**place, "code": code, "message": message},
        _("Every push and pull would fail."), advice,
    )  # fmt: skip


def _say_unreached(sheet: Sheet, error: Exception, place: dict[str, str]) -> None:
    cause = getattr(error, "kwargs", {}).get("error")
    said = words(_innermost(cause) if isinstance(cause, BaseException) else error)
    if "certificate" in said.lower():
        key, advice = "storage_service.ca_bundle", _("Write the authority that signed its certificate into ca_bundle.")
    elif "ssl" in said.lower() or "wrong version number" in said.lower():
        key, advice = f"{BLOCK}.regionendpoint", _("Look whether it speaks TLS on this port (https://, secure).")
    else:
        key, advice = f"{BLOCK}.regionendpoint", _("Look whether the address is right and this machine may reach it.")
    text = _("%(place)s: %(said)s.") % {**place, "said": said}
    sheet.warning(key, text, _("Every push and pull would fail."), advice)


def _innermost(error: BaseException) -> BaseException:
    """urllib3 wraps what the system said several times."""
    for _step in range(6):
        inner = getattr(error, "reason", None) or error.__cause__ or error.__context__
        if not isinstance(inner, BaseException) or inner is error:
            break
        error = inner
    return error
