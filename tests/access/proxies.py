"""The real proxies of Debian with a recipe's text, on loopback ports and out of reach of the machine's own.

Each gets only what a packaged configuration has around such a text, and is asked to check it before it runs.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harborweb.access.recipes import apache as apache_recipe
from harborweb.access.recipes.front import Front
from harborweb.access.recipes.proxies import recipe
from harborweb.access.recipes.shape import Recipe
from tests import parts

APACHE = Path("/usr/lib/apache2/modules")
MODULES = ["mpm_event", "authz_core", "socache_shmcb", "env", *apache_recipe.MODULES]  # Debian's own, and the recipe's


@dataclass(frozen=True)
class Commands:
    """How to check a configuration and how to run it."""

    check: list[str]
    run: list[str]
    env: dict[str, str] = field(default_factory=dict)


def nginx(folder: Path, text: str) -> Commands:
    """`text` as a file that nginx includes inside its http."""
    temporary = "".join(
        f"  {name}_temp_path {folder / name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "harbor.conf").write_text(text)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"pid {folder / 'nginx.pid'};\nerror_log {folder / 'error.log'};\n"
        f"events {{}}\nhttp {{\n  access_log off;\n{temporary}  include {folder / 'harbor.conf'};\n}}\n"
    )
    base = [parts.program("nginx"), "-c", str(configuration), "-e", str(folder / "error.log")]
    return Commands([*base, "-t"], [*base, "-g", "daemon off;"])


def haproxy(folder: Path, text: str) -> Commands:
    """`text` below a haproxy.cfg that says nothing else."""
    configuration = folder / "haproxy.cfg"
    configuration.write_text("global\n    maxconn 100\n\n" + text)
    base = [parts.program("haproxy"), "-f", str(configuration)]
    return Commands([*base, "-c"], [*base, "-db"])


def caddy(folder: Path, text: str) -> Commands:
    """`text` as the whole Caddyfile."""
    configuration = folder / "Caddyfile"
    configuration.write_text(text)
    env = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    env["CADDY_ADMIN"] = f"127.0.0.1:{parts.free_port()}"
    words = ["--config", str(configuration), "--adapter", "caddyfile"]
    program = parts.program("caddy")
    return Commands([program, "validate", *words], [program, "run", *words], env)


def apache(folder: Path, text: str) -> Commands:
    """`text` as a site, with the modules that the recipe names and those Debian turns on by itself."""
    configuration = folder / "apache2.conf"
    loaded = "".join(f"LoadModule {name}_module {APACHE / f'mod_{name}.so'}\n" for name in MODULES if _is_module(name))
    configuration.write_text(
        f"ServerRoot {folder}\nDefaultRuntimeDir {folder}\nPidFile {folder / 'apache2.pid'}\n"
        f"ErrorLog {folder / 'error.log'}\nServerName fallback.test\n"
        f"{'User www-data' if os.geteuid() == 0 else ''}\n{'Group www-data' if os.geteuid() == 0 else ''}\n"
        f"{loaded}SSLSessionCache shmcb:{folder / 'ssl'}\n{text}"
    )
    base = [parts.program("apache2"), "-f", str(configuration)]
    return Commands([*base, "-t"], [*base, "-DFOREGROUND"])


def _is_module(name: str) -> bool:
    return (APACHE / f"mod_{name}.so").exists()


def proxy_manager(folder: Path, text: str) -> Commands:
    """The text of its Advanced page inside a server as Nginx Proxy Manager writes one; `text` is the whole server."""
    return nginx(folder, text)


PROGRAMS = {"nginx": nginx, "haproxy": haproxy, "caddy": caddy, "apache": apache, "proxy-manager": proxy_manager}


def text_of(made: Recipe, front: Front) -> str:
    """What the program reads: the recipe's one file, or for Nginx Proxy Manager the servers it would write."""
    if made.name != "proxy-manager":
        return made.pieces[0].text
    return (
        f"server {{\n listen {front.listen}:{front.http_port};\n server_name {front.name};\n"
        f" return 308 {front.url}$request_uri;\n}}\n"
        f"server {{\n listen {front.listen}:{front.https_port} ssl;\n server_name {front.name};\n"
        f" ssl_certificate {front.certificate};\n ssl_certificate_key {front.private_key};\n"
        f"{made.pieces[-1].text}}}\n"
    )


@contextmanager
def running(proxy: str, front: Front, folder: Path, text: str | None = None) -> Iterator[Recipe]:
    """`proxy` with its recipe for `front` (or with `text`), checked by itself and then running."""
    folder.mkdir(parents=True, exist_ok=True)
    made = recipe(proxy, front)
    whole = text_of(made, front) if text is None else text
    if proxy == "haproxy":
        together(made, folder)
    commands = PROGRAMS[proxy](folder, whole)
    env = {**os.environ, **commands.env}
    checked = subprocess.run(commands.check, capture_output=True, text=True, timeout=30, env=env, check=False)
    assert checked.returncode == 0, f"{whole}\n{checked.stdout}{checked.stderr}"
    with parts.running(commands.run, front.https_port, folder / "log", env):
        yield made


def together(made: Recipe, folder: Path) -> None:
    """Make the file with certificate and key as the recipe's first step says."""
    subprocess.run(["sh", "-c", made.steps[0].commands], cwd=folder, check=True, timeout=10)


def front_for(harbor_port: int, certificate: Path, private_key: Path, **more: object) -> Front:
    """A Front on loopback ports that were free a moment ago."""
    given: dict[str, object] = {
        "name": "127.0.0.1", "harbor": "127.0.0.1", "harbor_port": harbor_port, "certificate": str(certificate),
        "private_key": str(private_key), "http_port": parts.free_port(), "https_port": parts.free_port(),
        "listen": "127.0.0.1", **more,
    }  # fmt: skip
    return Front(**given)  # type: ignore[arg-type]
