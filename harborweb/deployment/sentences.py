"""What the tools report, in words for people: each kind of error with what to do about it."""

from pathlib import Path

from django.utils.translation import gettext as _

from harborweb.errors import Problem
from harborweb.tools import compose, prepare
from harborweb.tools.archive import ArchiveError
from harborweb.tools.download import DownloadError
from harborweb.tools.engine import EngineError
from harborweb.tools.prepare import NoInstaller


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))


def needs() -> str:
    """What deploying needs, in a sentence."""
    return _(
        "Deploying needs Docker %(engine)s or later with docker compose %(compose)s or later on the worker's host."
    ) % {
        "engine": _dotted(compose.LEAST_ENGINE),
        "compose": _dotted(compose.LEAST_COMPOSE),
    }


def engine(error: EngineError) -> Problem:
    """An engine that cannot be used."""
    if error.kind == "missing":
        return Problem(
            _("No Docker engine runs on the worker's host."),
            needs() + " " + _("Install and start it; on Debian: apt install docker.io docker-compose."),
        )
    if error.kind == "permission":
        return Problem(
            _("The worker may not use the Docker engine: permission denied on its socket."),
            _("Run the host worker as root, or add its user to the group docker and start it again."),
        )
    if error.kind == "refused":
        return Problem(
            _("The Docker engine refused: %(reason)s") % {"reason": error.detail},
            _("Look into the engine's own log, then try again."),
        )
    return Problem(
        _("The Docker engine does not answer: %(reason)s") % {"reason": error.detail},
        _("Look whether it runs and whether DOCKER_HOST names it, then try again."),
    )


def old_engine(version: str) -> Problem:
    """An engine that Harbor does not run on."""
    return Problem(
        _("Docker %(version)s is too old.") % {"version": version}, needs() + " " + _("Install a later version.")
    )


def no_compose(version: str = "") -> Problem:
    """docker compose is missing, or older than needed."""
    what = (
        _("docker compose %(version)s is too old.") % {"version": version}
        if version
        else _("docker compose was not found on the worker's host.")
    )
    return Problem(what, needs() + " " + _("Install the compose plugin; on Debian: apt install docker-compose."))


def installer(error: NoInstaller) -> Problem:
    """A folder that is no installer."""
    path = {"path": error.path, "folder": error.path.parent}
    ours = _("Give the folder that holds harbor.yml.tmpl and prepare, as Harbor's installer unpacks it.")
    return {
        "no_folder": Problem(_("There is no folder %(path)s on the worker's host.") % path, ours, field="folder"),
        "no_template": Problem(_("There is no harbor.yml.tmpl in %(folder)s.") % path, ours, field="folder"),
        "no_prepare": Problem(_("There is no prepare in %(folder)s.") % path, ours, field="folder"),
        "not_executable": Problem(
            _("%(path)s may not be executed.") % path,
            _("Type “chmod +x %(path)s” on that host, then try again.") % path,
            field="folder",
        ),
        "unreadable": Problem(
            _("The worker may not read %(path)s.") % path,
            _("Give its user the right to read that folder."),
            field="folder",
        ),
        "not_text": Problem(
            _("%(path)s is no text that harborweb can read.") % path, _("Unpack the installer again."), field="folder"
        ),
    }[error.kind]


def out_of_sight(path: Path, seen: Path) -> Problem:
    """A folder that a worker in a container cannot see."""
    return Problem(
        _("The host worker does not see the folder %(path)s: it runs in a container.") % {"path": path},
        _("It sees %(seen)s of that machine. Put the installer below it, and give that folder.") % {"seen": seen},
        field="folder",
    )


def disk(error: OSError) -> Problem:
    """The host's disk did not take or give a file."""
    words = {"path": error.filename or "?", "reason": error.strerror or type(error).__name__}
    if isinstance(error, PermissionError):
        return Problem(
            _("The worker may not read or write %(path)s.") % words,
            _("What prepare writes belongs to root, so run the host worker as root."),
        )
    return Problem(
        _("A file on the worker's host could not be read or written: %(path)s: %(reason)s.") % words,
        _("Look at the disk's free space and health, then try again."),
    )


def archive(error: ArchiveError) -> Problem:
    """An archive that is refused."""
    name = {"name": error.name}
    again = _("Nothing of it was kept. Take the installer from the place where Harbor publishes it.")
    online = _(
        "Take the online installer: it is a few kilobytes. The offline one carries the images; unpack that on "
        "the host and give its folder."
    )
    return {
        "not_a_tgz": Problem(
            _("This file is no installer: it is no gzip-compressed tar archive."),
            _("Harbor's online installer is a file like harbor-online-installer-v2.15.2.tgz."),
            field="archive",
        ),
        "cut_off": Problem(
            _("The archive ends too early."), _("Fetch it again: the download was cut off."), field="archive"
        ),
        "absolute": Problem(
            _("The archive wants to write to %(name)s, outside its folder.") % name, again, field="archive"
        ),
        "parent": Problem(
            _("The archive wants to write to %(name)s, outside its folder.") % name, again, field="archive"
        ),
        "link": Problem(
            _("The archive holds a link (%(name)s), and an installer has none.") % name, again, field="archive"
        ),
        "special": Problem(_("The archive holds a device or pipe (%(name)s).") % name, again, field="archive"),
        "name": Problem(
            _("The archive holds a file with an impossible name (%(name)s).") % name, again, field="archive"
        ),
        "twice": Problem(_("The archive holds %(name)s twice.") % name, again, field="archive"),
        "members": Problem(_("The archive holds more files than any installer."), again, field="archive"),
        "size": Problem(_("The archive unpacks to more than an online installer ever holds."), online, field="archive"),
        "empty": Problem(_("The archive holds no file."), again, field="archive"),
    }[error.kind]


def download(error: DownloadError) -> Problem:
    """A URL from which nothing came."""
    detail = {"detail": error.detail}
    return {
        "scheme": Problem(
            _("harborweb fetches installers from http and https addresses alone."),
            _("Give an address that begins with https://."),
            field="url",
        ),
        "credentials": Problem(
            _("There is a user name or a password in this address, where logs would show it."),
            _("Fetch the file yourself and upload it."),
            field="url",
        ),
        "downgrade": Problem(
            _("The address redirects from https to %(detail)s.") % detail,
            _("Give the address that really serves the file."),
            field="url",
        ),
        "redirects": Problem(
            _("The address redirects more than %(detail)s times.") % detail,
            _("Give the address that really serves the file."),
            field="url",
        ),
        "status": Problem(
            _("The server answered %(detail)s.") % detail, _("Look at the address in a browser."), field="url"
        ),
        "unreachable": Problem(
            _("The server could not be reached: %(detail)s.") % detail,
            _("Look whether the worker's host reaches it; a proxy is taken from HTTPS_PROXY. Or upload the file."),
            field="url",
        ),
        "tls": Problem(
            _("The server's certificate was not accepted: %(detail)s") % detail,
            _("Mend it, or fetch the file yourself and upload it."),
            field="url",
        ),
        "timeout": Problem(
            _("The download took longer than %(detail)s seconds.") % detail,
            _("Try again, or fetch the file yourself and upload it."),
            field="url",
        ),
        "too_large": Problem(
            _("The file is larger than an online installer ever is."),
            _(
                "Take the online installer: it is a few kilobytes. The offline one carries the images; unpack that on "
                "the host and give its folder."
            ),
            field="url",
        ),
    }[error.kind]


def prepare_failed(failure: prepare.Failure) -> Problem:
    """prepare ended with an error."""
    detail = {"detail": failure.detail}
    mend = _("Mend it in the configuration, save, and deploy again.")
    docker = _("Look at data_volume: it has to be an absolute path without spaces, quotes or a comment behind it.")
    return {
        "missing_key": Problem(_("prepare stopped: the key %(detail)s is missing in harbor.yml.") % detail, mend),
        "traceback": Problem(_("prepare stumbled over harbor.yml: %(detail)s") % detail, mend),
        "validation": Problem(_("prepare refused harbor.yml: %(detail)s") % detail, mend),
        "no_configuration": Problem(_("prepare found no harbor.yml: %(detail)s") % detail, mend),
        "docker_refused": Problem(_("Docker refused to run prepare: %(detail)s") % detail, docker),
        "no_docker": Problem(
            _("prepare could not use Docker: %(detail)s") % detail,
            _("Run the host worker as root, or add its user to the group docker."),
        ),
        "option": Problem(
            _("This prepare does not know an option: %(detail)s") % detail,
            _("Deploy without Trivy, or take another installer."),
        ),
        "other": Problem(_("prepare ended with an error: %(detail)s") % detail, _("The log has all it wrote.")),
    }[failure.kind]


def compose_failed(failure: compose.Failure) -> Problem:
    """A compose command ended with an error."""
    words = {"detail": failure.detail, "subject": failure.subject}
    return {
        "port_taken": Problem(
            _("Port %(subject)s is taken on the worker's host.") % words,
            _("Stop the program that listens on it, or choose another port in the configuration; then deploy again."),
        ),
        "name_taken": Problem(
            _("Another container is already named %(subject)s.") % words,
            _("Remove or rename that container; an engine can run one Harbor only. Then deploy again."),
        ),
        "image": Problem(
            _("The image %(subject)s could not be fetched.") % words,
            _("Look whether the host reaches the registry it comes from, then deploy again. The log has the answer."),
        ),
        "permission": Problem(
            _("docker compose may not read the files that prepare wrote: %(detail)s") % words,
            _("prepare writes them as root, so run the host worker as root."),
        ),
        "invalid": Problem(
            _("docker compose refuses the file that prepare wrote: %(detail)s") % words,
            _("Most often a port or a path in the configuration is the reason. Mend it, save, and deploy again."),
        ),
        "other": Problem(
            _("docker compose ended with an error: %(detail)s") % words,
            _("The log has all it wrote. Mend the reason, then deploy again."),
        ),
    }[failure.kind]
