"""Runs commands in a terminal, and shows the text that is on it at the end."""

import re
import shlex
import sys

_SEQUENCE = re.compile(r"\x1b\[(\?)?([\d;]*)([A-Za-z])|\x1b\][^\x07]*\x07")
_SPAWN = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"


def in_a_terminal(text: str, columns: int = 100) -> str:
    """A command line that runs these commands in a terminal of this width."""
    size = f"export COLUMNS={columns} LINES=60 TERM=xterm-256color\n"
    return shlex.join([sys.executable, "-c", _SPAWN, "bash", "-ec", size + text])


def shown(raw: str) -> str:
    """The text on a terminal that got `raw`: the cursor moves up and left, and lines are erased."""
    lines, row, column, at = [""], 0, 0, 0
    while at < len(raw):
        if raw[at] == "\x1b" and (found := _SEQUENCE.match(raw, at)):
            row, column = _moved(lines, row, column, found)
            at = found.end()
            continue
        if raw[at] == "\n":
            row += 1
            lines += [""] * (row - len(lines) + 1)
        elif raw[at] == "\r":
            column = 0
        else:
            kept = lines[row].ljust(column)
            lines[row] = kept[:column] + raw[at] + kept[column + 1 :]
            column += 1
        at += 1
    return "\n".join(line.rstrip() for line in lines)


def _moved(lines: list[str], row: int, column: int, found: re.Match[str]) -> tuple[int, int]:
    count = int(found[2]) if found[2] and found[2].isdigit() else 1
    match found[3]:
        case "A":
            row = max(0, row - count)
        case "G":
            column = count - 1
        case "K":
            lines[row] = "" if found[2] == "2" else lines[row][:column]
        case "J":
            lines[row:] = [lines[row][:column]]
    return row, column
