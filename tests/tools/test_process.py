"""Programs are real ones here: sh, and Python where more is needed."""

import os
import sys
import time
from pathlib import Path

import pytest

from harborweb.errors import Problem
from harborweb.masking import MASK, Masker
from harborweb.tools import process

Lines = list[tuple[str, str]]


def lines_of(script: str, **options: object) -> Lines:
    """The lines of a shell script."""
    lines: Lines = []
    process.run(["sh", "-c", script], on_line=lambda text, stream: lines.append((text, stream)), **options)  # type: ignore[arg-type]
    return lines


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def runs(pid: int) -> bool:
    """Whether a process runs and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def zombies() -> list[str]:
    """Children of ours that nobody has waited for."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text("utf-8", "replace").rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if (state, parent) == ("Z", str(os.getpid())):
            found.append(stat.parent.name)
    return found


def test_result_of_a_program() -> None:
    done = process.run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (done.exit_code, done.stdout, done.stderr, done.cut) == (3, "out\n", "err\n", False)
    assert 0 < done.seconds < 10
    assert "out" not in repr(done).replace("echo out", "")


def test_a_signal_is_a_negative_exit_code() -> None:
    assert process.run(["sh", "-c", "kill -9 $$"]).exit_code == -9


def test_lines_of_both_streams_arrive_while_it_runs() -> None:
    arrived: list[tuple[str, float]] = []
    process.run(
        ["sh", "-c", "echo one; sleep 0.6; echo two >&2; sleep 0.6; echo three"],
        on_line=lambda text, stream: arrived.append((f"{stream} {text}", time.monotonic())),
    )
    assert [text for text, _at in arrived] == ["out one", "err two", "out three"]
    assert arrived[1][1] - arrived[0][1] > 0.4 and arrived[2][1] - arrived[1][1] > 0.4


def test_carriage_returns_and_missing_line_ends() -> None:
    assert lines_of(r"printf 'a\rb\r\nc\n\nd'") == [("a", "out"), ("b", "out"), ("c", "out"), ("", "out"), ("d", "out")]
    assert lines_of(r"printf 'a\r'; sleep 0.1; printf '\nb'") == [("a", "out"), ("b", "out")]


def test_a_prompt_without_line_end_is_shown() -> None:
    assert lines_of("printf 'Proceed? '; sleep 0.7; echo no") == [("Proceed? ", "out"), ("no", "out")]


def test_a_line_in_two_writes_stays_whole_after_a_long_silence() -> None:
    assert lines_of("sleep 1.2; printf 'it fail'; sleep 0.05; echo ed") == [("it failed", "out")]


def test_a_huge_line_is_cut_and_invalid_utf8_replaced() -> None:
    lines: Lines = []
    code = "import sys; sys.stdout.buffer.write(b'x' * 100_000 + b'\\xff\\n')"
    done = process.run(python(code), on_line=lambda text, stream: lines.append((text, stream)))
    assert max(len(text) for text, _stream in lines) <= process.LINE_CHARACTERS
    assert "".join(text for text, _stream in lines) == "x" * 100_000 + "\ufffd"
    assert done.stdout.endswith("x\ufffd\n")


def test_characters_split_over_reads_stay_whole() -> None:
    code = "import os, time\nfor b in 'schön ✓'.encode(): os.write(1, bytes([b])), time.sleep(0.02)"
    lines: Lines = []
    process.run(python(code), on_line=lambda text, stream: lines.append((text, stream)))
    assert lines == [("schön ✓", "out")]


def test_only_the_end_of_much_output_is_kept() -> None:
    done = process.run(python("import sys\nfor n in range(1200): sys.stdout.write('y' * 8191 + '\\n')\nprint('end')"))
    assert done.cut and done.stdout.endswith("\nend\n")
    assert len(done.stdout) <= process.KEPT_BYTES + process.CHUNK


def test_secrets_are_masked_in_lines_and_stderr() -> None:
    lines: Lines = []
    done = process.run(
        ["sh", "-c", "printf 'key hun'; sleep 0.4; echo ter22x; printf 'hunt\ner22x\n' >&2; echo '\"hunter22x\"'"],
        masker=Masker(["hunter22x"]),
        on_line=lambda text, stream: lines.append((text, stream)),
    )
    text = "\n".join(line for line, _stream in lines)
    assert "ter22x" not in text and "er22x" not in text and MASK in text
    assert done.stderr == f"{MASK}\n"
    assert '"hunter22x"' in done.stdout  # the program's real output, to parse


def test_input_reaches_the_program_and_may_be_ignored() -> None:
    big = os.urandom(300_000).hex().encode()
    assert process.run(["cat"], stdin=big).stdout == big.decode()
    assert process.run(["true"], stdin=big).exit_code == 0
    assert process.run(["cat"]).stdout == ""


def test_environment_is_minimal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARBORWEB_SECRET_KEY", "app-secret")
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/other.sock")
    inherited = process.run(["env"]).stdout
    assert "app-secret" not in inherited and "DOCKER_HOST=unix:///run/other.sock" in inherited and "PATH=" in inherited
    own = process.run(["env"], env=process.environment({"COSIGN_PASSWORD": "x"})).stdout
    assert "COSIGN_PASSWORD=x\n" in own
    assert process.run(["/usr/bin/env"], env={"ONLY": "1"}).stdout == "ONLY=1\n"


def test_no_such_program_and_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(process.ProgramMissing) as missing:
        process.run(["no-such-program-here"])
    assert "no-such-program-here" in missing.value.message and missing.value.advice
    (tmp_path / "not-executable").write_text("#!/bin/sh\n")
    with pytest.raises(process.ProgramMissing):
        process.run([str(tmp_path / "not-executable")])
    with pytest.raises(Problem) as folder:
        process.run(["true"], cwd=tmp_path / "gone")
    assert str(tmp_path / "gone") in folder.value.message


STUBBORN = (
    "trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > child; while :; do sleep 0.2; done' & "
    "echo $$ > leader; while :; do sleep 0.2; done"
)


def test_a_time_limit_ends_the_whole_group_even_where_term_is_ignored(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(process.TimedOut) as late:
        process.run(["sh", "-c", STUBBORN], cwd=tmp_path, timeout=1, grace=0.5)
    assert late.value.seconds == 1
    assert 1.4 < time.monotonic() - began < 6
    assert not runs(int((tmp_path / "leader").read_text())) and not runs(int((tmp_path / "child").read_text()))


def test_stopping_gives_time_to_tidy_up() -> None:
    lines: Lines = []
    with pytest.raises(process.Stopped):
        process.run(
            ["sh", "-c", "trap 'sleep 0.3; echo tidied; exit 1' TERM; echo up; while :; do sleep 0.05; done"],
            on_line=lambda text, stream: lines.append((text, stream)),
            stopping=lambda: ("up", "out") in lines,
            grace=10,
        )
    assert ("tidied", "out") in lines


def test_children_that_hold_the_pipes_do_not_hold_us(tmp_path: Path) -> None:
    began = time.monotonic()
    done = process.run(["sh", "-c", "sleep 300 & echo $! > child; echo done"], cwd=tmp_path, grace=1)
    assert (done.exit_code, done.stdout) == (0, "done\n")
    assert time.monotonic() - began < 10
    assert not runs(int((tmp_path / "child").read_text()))


def test_a_child_with_a_session_of_its_own_does_not_hold_us_either(tmp_path: Path) -> None:
    began = time.monotonic()
    process.run(["sh", "-c", "setsid sleep 30 & echo done"], cwd=tmp_path, grace=1)
    assert time.monotonic() - began < 10


def test_a_reader_that_fails_ends_the_program(tmp_path: Path) -> None:
    def fail(text: str, stream: str) -> None:
        raise ValueError(text)

    with pytest.raises(ValueError, match="up"):
        process.run(["sh", "-c", "echo $$ > leader; echo up; sleep 300"], cwd=tmp_path, on_line=fail, grace=1)
    assert not runs(int((tmp_path / "leader").read_text()))


def test_no_descriptor_and_no_zombie_stays(tmp_path: Path) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    process.run(["true"])
    before = descriptors()
    for _round in range(5):
        process.run(["sh", "-c", "echo x; echo y >&2"], stdin=b"z")
    assert descriptors() == before
    assert not zombies()


def test_shown_can_be_typed() -> None:
    assert process.shown(["cosign", "sign", "--key", "a b", "x@sha256:1"]) == "cosign sign --key 'a b' x@sha256:1"
