"""The table of all settings in docs/operating.md, from what stands beside them in the code.

``python -m service.settings_table`` prints it; with ``--write docs/operating.md`` it takes the
place of the one between the file's markers.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from service.settings import Settings

__all__ = ["main", "settings_table", "with_table"]

BEGIN, END = "<!-- settings: begin -->\n", "<!-- settings: end -->\n"


def settings_table() -> str:
    """All settings in Markdown: name, default and description."""
    rows = [
        f"| `{name.upper()}` | {_shown(field.default)} | {_in_a_cell(field.description or '')} |\n"
        for name, field in Settings.model_fields.items()
    ]
    return "".join(["| setting | default | meaning |\n", "|---|---|---|\n", *rows])


def with_table(text: str) -> str:
    """A document with the present table between its markers.

    Raises:
        ValueError: If it has no markers.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"there is no {BEGIN.strip()} with a {END.strip()} after it")
    return f"{before}{BEGIN}{settings_table()}{END}{after}"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--write", type=Path, metavar="FILE", help="put it between the markers")
    file: Path | None = parser.parse_args(arguments).write
    if file is None:
        sys.stdout.write(settings_table())
        return 0
    try:
        file.write_text(with_table(file.read_text(encoding="utf-8")), encoding="utf-8")
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{file}: {error}\n")
        return 1
    return 0


def _shown(default: Any) -> str:
    if default is None:
        return "none"
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else f"`{default}`"


def _in_a_cell(text: str) -> str:
    return " ".join(text.split()).replace("``", "`").replace("|", r"\|")


if __name__ == "__main__":
    sys.exit(main())
