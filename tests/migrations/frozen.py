"""What a tag of the plan froze, as a list that is checked in.

A database that was deployed yesterday ran the scripts of yesterday. So whatever a tag covers stays
as it is: each change's three scripts, and the plan's lines. `frozen.sha256` has a line for each,
named by the change as of the first tag that covers it, which is not always the script's path: once
a function is reworked, Sqitch keeps its released scripts as `functions/transfer@v0.1.sql`, and
`functions/transfer.sql` is free to change until the next tag.

    .venv/bin/python -m tests.migrations.frozen

adds what a new tag covers. It changes no line that is there.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from tests.migrations.project import HERE, KINDS, Project

MANIFEST = Path("tests/migrations/frozen.sha256")
COMMAND = ".venv/bin/python -m tests.migrations.frozen"
_HEADER = f"# SHA-256 of what a tag froze. After a new tag: {COMMAND}\n"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def covered(project: Project) -> dict[str, tuple[str, Path]]:
    """All that the plan's tags cover, as it is now: the digest and the file, by name."""
    changes = project.changes()
    found: dict[str, tuple[str, Path]] = {}
    for tag, plan in project.tags().items():
        for change in changes:
            if change.tag == tag:
                for kind in KINDS:
                    path = Path(change.script(kind))
                    script = project.folder / path
                    content = script.read_bytes() if script.exists() else b""
                    found[f"{kind}/{change}"] = (_digest(content), path)
        found[f"sqitch.plan{tag}"] = (_digest(plan.encode()), Path("sqitch.plan"))
    return found


def read(project: Project) -> dict[str, str]:
    """The digests that were listed, by name."""
    lines = (project.folder / MANIFEST).read_text(encoding="utf-8").splitlines()
    pairs = (line.split("  ", 1) for line in lines if line and not line.startswith("#"))
    return {name: digest for digest, name in pairs}


def problems(project: Project) -> list[str]:
    """What is not as it was released, or is not listed yet; a sentence each."""
    listed, now = read(project), covered(project)
    found: list[str] = []
    for name, digest in listed.items():
        if name not in now:
            found.append(f"{name} was released and is gone: put it back")
        elif now[name][0] != digest:
            path = now[name][1]
            found.append(
                f"{path} is not as it was released, as {name}: put it back. A function changes by "
                "`sqitch rework` first, anything else by a new change"
            )
    if missing := now.keys() - listed.keys():
        found.append(f"{len(missing)} scripts of a new tag are not listed; run: {COMMAND}")
    return found


def freeze(project: Project) -> int:
    """List what is not listed, and return how much that was."""
    listed = read(project)
    new = [(digest, name) for name, (digest, _) in covered(project).items() if name not in listed]
    with (project.folder / MANIFEST).open("a", encoding="utf-8") as manifest:
        manifest.writelines(f"{digest}  {name}\n" for digest, name in new)
    return len(new)


def main() -> None:
    manifest = HERE.folder / MANIFEST
    if not manifest.exists():
        manifest.write_text(_HEADER, encoding="utf-8")
    changed = [problem for problem in problems(HERE) if COMMAND not in problem]
    if changed:
        sys.exit("\n".join(changed))
    print(f"{MANIFEST}: {freeze(HERE)} lines added")


if __name__ == "__main__":
    main()
