"""Where the distribution API has what, and what a token has to allow for it."""


def manifest_path(repository: str, reference: str) -> str:
    """Where a manifest is, of names that were checked."""
    return f"/v2/{repository}/manifests/{reference}"


def blob_path(repository: str, digest: str) -> str:
    """Where a blob is, of names that were checked."""
    return f"/v2/{repository}/blobs/{digest}"


def referrers_path(repository: str, digest: str) -> str:
    """Where the referrers of a digest are, of names that were checked."""
    return f"/v2/{repository}/referrers/{digest}"


def pull(repository: str) -> str:
    """The token scope for reading."""
    return f"repository:{repository}:pull"


def push(repository: str) -> str:
    """The token scope for writing."""
    return f"repository:{repository}:pull,push"
