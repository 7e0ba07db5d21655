"""What prepare writes down without quotes, as docker compose itself reads it."""

import json
import subprocess
from pathlib import Path

from harborweb.configuration.rules.rendered import compose_reads
from harborweb.tools import compose
from tests import parts

READ = (
    "Longer-than-8", "a'b", 'a"b', "a b", "a#b", "#ab", "a\\nb", "a\\", "a=b", "ä€", "`x`", "a%b", "a$1", "a$", "a$ b",
    "$(x)", "a$-x", "a$!x", "a$é", "a\tb", "a\t#b", "http://u:p@proxy.example:3128",
)  # fmt: skip
CHANGED = (
    "a$b", "a$_", "a${X}", "a$$b", "$$", "\\$a", "a #b", "a #", "' quoted '", "'a'b", '"a$b"', '"a\\nb"', " a", "a ",
    "a\u00a0", "a${X:-5}", "http://u:p$word@proxy.example:3128",
)  # fmt: skip
STOPPED = ("a${", "'ab", '"ab', "a${X?no}")


def test_compose_reads_an_env_file_as_the_rule_says(tmp_path: Path) -> None:
    program = compose.find()
    if program is None:
        parts.missing("no docker compose")
    assert program is not None

    def read(values: tuple[str, ...]) -> list[str] | None:
        services = {}
        for number, value in enumerate(values):
            (tmp_path / f"{number}.env").write_text(f"IT={value}\nNEXT=1\n")
            services[f"s{number}"] = {"image": "x", "env_file": f"{number}.env"}
        (tmp_path / compose.FILE).write_text(json.dumps({"services": services}))
        command = [*program.command, "config", "--format", "json"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=60)
        if done.returncode:
            return None
        made = json.loads(done.stdout)["services"]
        return [made[f"s{number}"]["environment"]["IT"].replace("$$", "$") for number in range(len(values))]

    assert read(READ) == list(READ)
    assert all(compose_reads(value) for value in READ)
    changed = read(CHANGED)
    assert changed is not None and not any(one == two for one, two in zip(changed, CHANGED, strict=True))
    assert [value for value in CHANGED if compose_reads(value)] == []
    for value in STOPPED:
        assert read((value,)) is None and not compose_reads(value)
