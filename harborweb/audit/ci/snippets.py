"""What to paste into a CI server, filled with a registry's address, its keys and its policy. Pure."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import indent

from harborweb.audit.formats.about import TrustedBy

FOLDER = "keys"
IMAGE = "harborweb:local"
PASSWORD = "REGISTRY_PASSWORD"  # noqa: S105 - a variable's name


@dataclass(frozen=True)
class Setting:
    """What the commands are filled with; `policy` says whether there is one to bring along."""

    url: str
    keys: Sequence[TrustedBy]
    username: str = ""
    ca_pem: str = ""
    allow_http: bool = False
    policy: bool = False


@dataclass(frozen=True)
class Snippet:
    """Something to paste: a name, where it goes, and the text; `form` is yaml, groovy or shell."""

    name: str
    where: str
    form: str
    text: str


def arguments(setting: Setting, folder: str, form: str) -> str:
    """The arguments of `audit`, with the files of `folder`."""
    words = ["audit", setting.url]
    for key in setting.keys:
        words += ["--public-key", f"{folder}/{key.file}"]
    if setting.policy:
        words += ["--policy", f"{folder}/policy.json"]
    if setting.ca_pem:
        words += ["--ca-file", f"{folder}/ca.pem"]
    if setting.allow_http:
        words += ["--allow-http"]
    if setting.username:
        words += ["--username", setting.username, "--password-stdin"]
    return shlex.join([*words, "--format", form])


def by_venv(setting: Setting, form: str, file: str) -> str:
    """The command where harborweb's own folder is checked out; run there, the keys lie beside it."""
    return f"{_password(setting)}bin/manage {arguments(setting, FOLDER, form)} > {file}"


def by_container(setting: Setting, form: str, file: str) -> str:
    """The command with the image. The report comes by standard output: the container's user writes nothing here."""
    interactive = "-i " if setting.username else ""
    run = f'docker run --rm {interactive}-v "$PWD/{FOLDER}:/{FOLDER}:ro" {IMAGE} manage'
    return f"{_password(setting)}{run} {arguments(setting, f'/{FOLDER}', form)} > {file}"


def files(setting: Setting) -> str:
    """Commands that write the keys, and the CA, into files."""
    parts = [f"mkdir -p {FOLDER}"]
    for key in setting.keys:
        parts.append(_here(f"{FOLDER}/{key.file}", key.pem))
    if setting.ca_pem:
        parts.append(_here(f"{FOLDER}/ca.pem", setting.ca_pem))
    return "\n".join(parts)


def snippets(setting: Setting) -> list[Snippet]:
    """One for each CI server, and the two commands by themselves."""
    sarif = by_container(setting, "sarif", "signatures.sarif")
    junit = by_container(setting, "junit", "signatures.xml")
    secret = setting.username
    return [
        Snippet("GitHub Actions", ".github/workflows/signatures.yml", "yaml", _github(sarif, secret)),
        Snippet("GitLab CI", ".gitlab-ci.yml", "yaml", _gitlab(setting)),
        Snippet("Jenkins", "Jenkinsfile", "groovy", _jenkins(junit, secret)),
        Snippet("Shell, with the image", "", "shell", junit),
        Snippet("Shell, with harborweb’s folder", "", "shell", by_venv(setting, "junit", "signatures.xml")),
    ]


def _password(setting: Setting) -> str:
    return f"printf '%s\\n' \"${PASSWORD}\" | " if setting.username else ""


def _here(file: str, text: str) -> str:
    return f"cat > {shlex.quote(file)} <<'END'\n{text.strip()}\nEND"


def _github(command: str, secret: str) -> str:
    env = f"        env:\n          {PASSWORD}: ${{{{ secrets.{PASSWORD} }}}}\n" if secret else ""
    return (
        "name: Signatures\n"
        "on:\n"
        "  schedule:\n"
        '    - cron: "17 6 * * *"\n'
        "  workflow_dispatch:\n"
        "permissions:\n"
        "  contents: read\n"
        "  security-events: write\n"
        "jobs:\n"
        "  audit:\n"
        "    runs-on: self-hosted  # a machine that reaches the registry and has the image\n"
        "    steps:\n"
        "      - uses: actions/checkout@v4\n"
        "      - name: Audit the signatures\n"
        f"{env}"
        "        run: |\n"
        f"{indent(command, ' ' * 10)}\n"
        "      - name: Show them in code scanning\n"
        "        if: always()\n"
        "        uses: github/codeql-action/upload-sarif@v3\n"
        "        with:\n"
        "          sarif_file: signatures.sarif\n"
        "          category: signature-audit\n"
    )


def _gitlab(setting: Setting) -> str:
    given = _password(setting) + "manage " + arguments(setting, FOLDER, "junit") + " > signatures.xml"
    return (
        "signatures:\n"
        "  image:\n"
        f"    name: {IMAGE}\n"
        '    entrypoint: [""]\n'
        "  script:\n"
        "    - |\n"
        f"{indent(given, ' ' * 6)}\n"
        "  artifacts:\n"
        "    when: always\n"
        "    reports:\n"
        "      junit: signatures.xml\n"
        "    paths: [signatures.xml]\n"
        "  rules:\n"
        '    - if: $CI_PIPELINE_SOURCE == "schedule"\n'
        '    - if: $CI_PIPELINE_SOURCE == "web"\n'
    )


def _jenkins(command: str, secret: str) -> str:
    quoted = command.replace("\\", "\\\\").replace("'''", "\\'\\'\\'")
    env = f"    environment {{ {PASSWORD} = credentials('harborweb-registry-password') }}\n" if secret else ""
    return (
        "pipeline {\n"
        "    agent any\n"
        "    triggers { cron('H 6 * * *') }\n"
        f"{env}"
        "    stages {\n"
        "        stage('Signatures') {\n"
        "            steps {\n"
        f"                sh '''{quoted}'''\n"
        "            }\n"
        "        }\n"
        "    }\n"
        "    post { always { junit 'signatures.xml' } }\n"
        "}\n"
    )
