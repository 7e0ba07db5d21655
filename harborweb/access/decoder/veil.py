"""Secrets out of a paste before anybody looks at it: whatever looks like one, since none is known here."""

import re

from harborweb.masking import MASK

_WORD = (
    r"(?:[\w-]{0,40}(?:password|passwd|passphrase|[_-]pass|secret|token|api_?key|credential)[\w-]{0,40}"
    r"|identitytoken)"
)
_QUOTE = r"\\{0,3}[\"']"  # as it is, or escaped in a log
_CLIENTS = r"(?:docker|podman|skopeo|nerdctl|buildah|helm|oras|cosign|crane|regctl)"
_RULES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # headers: everything after the scheme's name
        rf"((?:proxy-)?authorization(?:{_QUOTE})?\s*[:=]\s*(?:{_QUOTE}|\[)?(?:(?:basic|bearer|token|digest)\s+|(?=\S*[0-9=+/])))"
        r"([^\s\"',;\]\\]+)",
        rf"(x-registry-(?:auth|config)(?:{_QUOTE})?\s*[:=]\s*(?:{_QUOTE})?)([^\s\"',;\\]+)",
        rf"((?:set-)?cookie(?:{_QUOTE})?\s*:\s*)([^\r\n\"]+)",
        r"(\b(?:basic|bearer)\s+)(?=\S*[0-9=+/])([a-z0-9+/_.=~-]{8,})",
        # a value in JSON or YAML
        rf"({_QUOTE}(?:{_WORD}|auth){_QUOTE}\s*:\s*{_QUOTE})([^\"\\]+(?:\\[^\"][^\"\\]*)*)",
        rf"(\.?dockerc(?:onfigjson|fg)(?:{_QUOTE})?\s*[:=]\s*(?:{_QUOTE})?)([a-z0-9+/=]{{8,}})",
        r"(\b(?:password|passwd|passphrase|api_?key)[ \t]*:[ \t]*[\"']?)([^\s\"',]+)",
        # an option, a variable, what is piped into a login
        rf"((?<![\w-])--?(?![\w-]{{0,40}}stdin){_WORD}(?:=|[ \t]+)\")([^\"]+)",
        rf"((?<![\w-])--?(?![\w-]{{0,40}}stdin){_WORD}(?:=|[ \t]+)')([^']+)",
        rf"((?<![\w-])--?(?![\w-]{{0,40}}stdin){_WORD}(?:=|[ \t]+))([^\s\"'-][^\s]*)",
        r"(\blogin\b[^\r\n]{0,300}?[ \t]-p[ \t]*\")([^\"]+)",
        r"(\blogin\b[^\r\n]{0,300}?[ \t]-p[ \t]*')([^']+)",
        r"(\blogin\b[^\r\n]{0,300}?[ \t]-p[ \t]*)([^\s\"']+)",
        r"((?:[ \t]-u|--user|--(?:src-|dest-)?creds)(?:=|[ \t]+)[\"']?[^\s:\"']{1,200}:)([^\s\"']+)",
        rf"((?<![\w-]){_WORD}=\")([^\"]+)",
        rf"((?<![\w-]){_WORD}=')([^']+)",
        rf"((?<![\w-]){_WORD}=)([^\s\"'&;]+)",
        # no two parts of it may share blanks: thousands of them would take minutes
        rf"(\b(?:echo|printf)[ \t]+)([^|\s][^|\r\n]{{0,299}}?)(?=[ \t]{{0,9}}\|[ \t]*(?:sudo[ \t]+)?{_CLIENTS}\b)",
        rf"(\b{_CLIENTS}\b[^\r\n]{{0,300}}?<<<[ \t]*)([^\r\n]+)",
        # addresses: user and password, and what signs a presigned one
        r"(://[^\s/:@\"']{0,200}:)([^\s/\"']+)(?=@)",
        r"([?&](?:x-amz-(?:signature|credential|security-token)|sig|signature|access_token|code|state)=)([^\s&\"'\\]+)",
        # things that are secrets by their own look
        r"(\b)(eyJ[\w-]{6,}\.[\w-]{6,}(?:\.[\w-]*)?)",
        r"(\b)((?:ghp|gho|ghs|ghu|github_pat|glpat|dckr_pat|dckr_oat|hvs|xox[bp])[-_][\w-]{10,})",
        r"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----)([^-]*)",
    )
)


def veiled(text: str) -> str:
    """`text` with MASK where something looks like a password, token, cookie or private key."""
    for rule in _RULES:
        text = rule.sub(_masked, text)
    return text


def _masked(found: re.Match[str]) -> str:
    return found[1] + MASK
