"""The real servers that a harbor.yml can name, each on a free port with its files in a temporary folder."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import parts
from tests.deployment.host import authority


@contextmanager
def folder_of(user: str = "") -> Iterator[Path]:
    """A folder that `user` (else the caller) owns and can reach: pytest's own are closed to others."""
    path = Path(tempfile.mkdtemp(prefix="harborweb-"))
    try:
        path.chmod(0o755)
        if user and os.geteuid() == 0:
            shutil.chown(path, user)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def start(command: list[str], port: int, log: Path, user: str = "") -> "subprocess.Popen[bytes]":
    """A program that listens on `port`; as root it runs as `user`."""
    extra = {"user": user, "group": pwd.getpwnam(user).pw_gid} if user and os.geteuid() == 0 else {}
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=log.parent, **extra)  # type: ignore[call-overload]
    try:
        parts.wait_for_port(port, process)
    except AssertionError:
        stop(process)
        raise AssertionError(log.read_text()[-2000:]) from None
    return process  # type: ignore[no-any-return]


def stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class PostgreSQL:
    """A server with TLS; superuser `boss`, and `hba` to write its rules."""

    port: int
    folder: Path
    ca: Path

    def run(self, sql: str, database: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="boss", password="boss-pw", dbname=database, autocommit=True
        ) as connection:
            connection.execute(sql)

    def wait(self) -> None:
        """Until it takes connections: it listens before that, and says that it is starting up."""
        import psycopg

        deadline = time.monotonic() + 60
        while True:
            try:
                return self.run("SELECT 1")
            except psycopg.OperationalError as error:
                if "starting up" not in str(error) or time.monotonic() > deadline:
                    raise
            time.sleep(0.05)


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """PostgreSQL of Debian, with a certificate for 127.0.0.1; user `plain` may come without TLS, `tls` only with."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        parts.missing("PostgreSQL is not installed; bin/test installs it")
    user = "nobody" if os.geteuid() == 0 else ""
    with folder_of(user) as folder:
        password = folder / "pw"
        password.write_text("boss-pw")
        password.chmod(0o644)
        data, extra = folder / "data", {"user": user} if user else {}
        subprocess.run(
            [programs[-1], "-D", data, "-U", "boss", "-A", "scram-sha-256", f"--pwfile={password}", "--no-sync",
             "-E", "UTF8", "--locale=C"],
            check=True, capture_output=True, cwd=folder, **extra,
        )  # type: ignore[call-overload]  # fmt: skip
        root = authority.make("Database CA", ca=True)
        certificate, key = authority.make("db", root, names=("127.0.0.1", "localhost")).write(data, "server")
        ca = folder / "ca.crt"
        ca.write_text(root.pem)
        if user:
            shutil.chown(certificate, user)
            shutil.chown(key, user)
        (data / "pg_hba.conf").write_text(
            "hostssl all tls all scram-sha-256\nhost all tls all reject\nhost all all all scram-sha-256\n"
        )
        port = parts.free_port()
        command = [
            str(programs[-1].with_name("postgres")), "-D", str(data), "-p", str(port), "-h", "127.0.0.1",
            "-c", f"unix_socket_directories={folder}", "-c", "ssl=on", "-c", "fsync=off", "-c", "max_connections=40",
        ]  # fmt: skip
        command += ["-c", f"ssl_cert_file={certificate}", "-c", f"ssl_key_file={key}"]
        process = start(command, port, folder / "log", user)
        try:
            server = PostgreSQL(port, folder, ca)
            server.wait()
            yield server
        finally:
            stop(process)


@contextmanager
def redis(folder: Path, *options: str, name: str = "redis") -> Iterator[int]:
    """A Redis, its port; with TLS when `options` say so."""
    port = parts.free_port()
    listen = ["--tls-port", str(port), "--port", "0"] if "--tls-cert-file" in options else ["--port", str(port)]
    command = [
        parts.program("redis-server"),
        *listen,
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--dir",
        str(folder),
        *options,
    ]
    process = start(command, port, folder / f"{name}.log")
    try:
        yield port
    finally:
        stop(process)


@contextmanager
def sentinel(folder: Path, master: int, password: str = "") -> Iterator[int]:
    """A sentinel that watches `master` as the set “harbor”."""
    port, configuration = parts.free_port(), folder / "sentinel.conf"
    lines = [f"port {port}", "bind 127.0.0.1", f"dir {folder}", f"sentinel monitor harbor 127.0.0.1 {master} 1"]
    if password:
        lines.append(f"sentinel auth-pass harbor {password}")
    configuration.write_text("\n".join(lines) + "\n")
    process = start(
        [parts.program("redis-server"), str(configuration), "--sentinel"], port, folder / "sentinel.log"
    )  # fmt: skip
    try:
        yield port
    finally:
        stop(process)


@contextmanager
def s3(folder: Path, *options: str) -> Iterator[int]:
    """versitygw with the bucket “images” of user AKIDHARBOR."""
    port, data = parts.free_port(), folder / "s3"
    (data / "images").mkdir(parents=True)
    environment = {"ROOT_ACCESS_KEY": "AKIDHARBOR", "ROOT_SECRET_KEY": "s3-secret-9f2c", "PATH": os.environ["PATH"]}
    command = [parts.program("versitygw"), "--port", f"127.0.0.1:{port}", "--region", "eu-west-1", "--quiet",
               *options, "posix", str(data)]  # fmt: skip
    with parts.running(command, port, folder / "s3.log", env=environment):
        yield port


@contextmanager
def proxy(folder: Path, *lines: str) -> Iterator[int]:
    """tinyproxy."""
    port, configuration = parts.free_port(), folder / "tinyproxy.conf"
    own = [f"Port {port}", "Listen 127.0.0.1", "Timeout 5", "MaxClients 20", "Allow 127.0.0.1", *lines]
    configuration.write_text("\n".join(own) + "\n")
    with parts.running([parts.program("tinyproxy"), "-d", "-c", str(configuration)], port, folder / "proxy.log"):
        yield port


def nginx_program() -> str:
    found = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if found is None:
        parts.missing("nginx is not installed; bin/test installs it")
    return str(found)


def nginx_configuration(folder: Path, server: str) -> Path:
    """An nginx.conf with everything below `folder`."""
    path = folder / "nginx.conf"
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path.write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {temporary} server {{ {server} }} }}\n"
    )
    return path


@contextmanager
def nginx(folder: Path, server: str = "") -> Iterator[int]:
    """An nginx that answers everything."""
    port = parts.free_port()
    configuration = nginx_configuration(folder, f"listen 127.0.0.1:{port}; return 200 there; {server}")
    with parts.running([nginx_program(), "-c", str(configuration), "-p", str(folder)], port, folder / "nginx.log"):
        yield port


@contextmanager
def rsyslog(folder: Path) -> Iterator[tuple[int, Path]]:
    """rsyslogd that takes tcp and udp on one port; the port and its file."""
    program = shutil.which("rsyslogd") or shutil.which("/usr/sbin/rsyslogd")
    if program is None:
        parts.missing("rsyslog is not installed; bin/test installs it")
    port, configuration, log = parts.free_port(), folder / "rsyslog.conf", folder / "messages"
    configuration.write_text(
        'module(load="imtcp")\nmodule(load="imudp")\n'
        f'input(type="imtcp" address="127.0.0.1" port="{port}")\n'
        f'input(type="imudp" address="127.0.0.1" port="{port}")\n'
        f'action(type="omfile" file="{log}")\n'
    )
    command = [str(program), "-n", "-f", str(configuration), "-i", str(folder / "rsyslog.pid")]
    with parts.running(command, port, folder / "rsyslog.log"):
        yield port, log


@contextmanager
def silent() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield int(listener.getsockname()[1])


@contextmanager
def silent_dns() -> Iterator[int]:
    """A name server that reads every question and answers none; how to make the resolver ask it is the test's."""
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.2)
        ended = threading.Event()

        def read() -> None:
            while not ended.is_set():
                try:
                    server.recv(4096)
                except TimeoutError:
                    continue

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
        ended.set()
        thread.join()


def wait_for_text(file: Path, text: str, seconds: float = 8) -> str:
    """The content of `file` once `text` stands in it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if file.exists() and text in file.read_text():
            return file.read_text()
        time.sleep(0.05)
    raise AssertionError(f"{text!r} never came to {file}")
