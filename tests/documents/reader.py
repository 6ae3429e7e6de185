"""Follows a page as a reader does: saves its files, runs its commands, compares their outputs."""

import re
from collections.abc import Callable, Collection
from pathlib import Path

from benchmarks.harness.process import free_port
from functions.page import is_built
from tests.documents.blocks import ROOT, Block
from tests.documents.output import differs
from tests.documents.screen import in_a_terminal, shown
from tests.documents.session import Session, environment, interpreter, read, shell

_SERVICE = re.compile(r"^tunelet up\b(?!.*&\s*$)", re.MULTILINE)
_KILLED = re.compile(r"^.*: line \d+: +\d+ (?:Killed|Terminated) .*\n", re.MULTILINE)
"""What a shell writes about a command in the background, between two commands."""
_CHECKOUT = {"examples": "examples/", "Makefile": "make "}


class Reader:
    """A reader of one page, in a folder of its own with nothing in it.

    If the page's blocks name `examples/` or `make`, its reader works in a checkout. `tunelet up`
    runs in a terminal of its own, on a free port that replaces 8080 in all blocks; a second one on
    the page takes the place of the first. Another free port replaces 29500. Folders take the place
    of buckets, and this machine that of others. A block that needs a thing runs if the thing is in
    `has`; the built page is found without it.
    """

    def __init__(self, tmp: Path, blocks: list[Block], has: Collection[str] = ()) -> None:
        self._has = {*has, *(["the built page"] if is_built() else [])}
        self._blocks, self._port, self._other_port = blocks, free_port(), free_port()
        self._folder, self._scratch = tmp / "page", tmp / "scratch"
        self._folder.mkdir()
        self._scratch.mkdir()
        self._env = environment(tmp)
        self._sessions: list[Session] = []
        self._shell: Session | None = None
        self._python: Session | None = None
        self._service: Session | None = None
        self._written: list[tuple[str, str]] = []
        """Each block that ran, with its output."""
        self._enter_checkout()

    def _enter_checkout(self) -> None:
        text = "\n".join(block.text for block in self._blocks if not block.skipped)
        if not any(sign in text for sign in _CHECKOUT.values()):
            return
        for path in ROOT.iterdir():
            if path.name not in {".git", "dist", "tunelet-data"}:
                (self._folder / path.name).symlink_to(path)

    def follow(self) -> None:
        """Raises AssertionError, with the block's place, if one is not as the page says."""
        try:
            for block in self._blocks:
                self._at(block)
        finally:
            for session in self._sessions:
                session.close()

    def _at(self, block: Block) -> None:
        try:
            self._read(block)
        except AssertionError as fault:
            raise AssertionError(f"{block.place}: {fault}") from None

    def _read(self, block: Block) -> None:
        if block.skipped or "reads as" in block.directives:
            return
        if "given" in block.directives:
            self._prepare(block.directives["given"])
        if "needs" in block.directives and block.directives["needs"] not in self._has:
            return
        if block.title:
            self._save(block.title, block.text)
        elif block.language == "sh":
            self._written.append((block.text, self._command(block, block.text)))
        elif block.language == "console":
            for command, expected in commands(block.text):
                self._compare(block, expected, self._command(block, command))
        elif block.language == "python":
            self._python = self._python or self._opened(interpreter)
            self._written.append((block.text, self._python.run(self._here(block.text))))
        elif block.language == "text":
            self._compare(block, block.text, self._output(block))

    def _output(self, block: Block) -> str:
        """The output that a block of text shows."""
        command = block.directives.get("output of", "")
        found = [output for text, output in self._written if command in text]
        assert found, f"no block before this one has {command!r}"
        return found[-1]

    def _opened(self, program: Callable[..., Session]) -> Session:
        self._sessions.append(program(self._folder, self._env, self._scratch))
        return self._sessions[-1]

    def _save(self, name: str, text: str) -> None:
        path = self._folder / name
        assert path.resolve().is_relative_to(self._folder), f"{name} is not in the reader's folder"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self._here(text))

    def _prepare(self, given: str) -> None:
        """Run the commands before a block, in one terminal, and a service in its own."""
        lines = [line.strip() for line in given.splitlines()]
        started = [line for line in lines if line.startswith("tunelet up")]
        for line in started:
            self._serve(self._here(line))
        self._shell = self._shell or self._opened(shell)
        self._shell.run(self._here("\n".join(line for line in lines if line not in started)))

    def _command(self, block: Block, written: str) -> str:
        text = self._here(written)
        if _SERVICE.search(text):
            return self._serve(text)
        if "fails" in block.directives:
            text = f"if {text}\nthen false; fi"
        self._shell = self._shell or self._opened(shell)
        if "in a terminal" in block.directives:
            return shown(self._shell.run(in_a_terminal(text)))
        return self._shell.run(text)

    def _serve(self, text: str) -> str:
        if self._service:
            self._service.interrupt()
        self._service = terminal = self._opened(shell)
        output = terminal.begin(text)
        terminal.wait(output, lambda written: "serves http" in written)
        # The default of commands and clients is port 8080.
        self._env["TUNELET_URL"] = f"http://127.0.0.1:{self._port}"
        if self._shell:
            self._shell.run(f"export TUNELET_URL={self._env['TUNELET_URL']}")
        return read(output)

    def _here(self, text: str) -> str:
        """The text with the test's ports, folders and machine."""
        for named, here in self._places():
            text = re.sub(named, here, text)
        text = re.sub(r"\btunelet up\b(?! --port)", f"tunelet up --port {self._port}", text)
        return text.replace("8080", str(self._port)).replace("29500", str(self._other_port))

    def _places(self) -> list[tuple[str, str]]:
        """What the page names, as a pattern, and what is here in its place."""
        return [
            (r"s3://(?=bucket/prefix|backup/)", f"file://{self._folder}/"),
            (r"(?<![\w.])/backup/", f"{self._folder}/backup/"),
            (r"https://tunelet\.example", f"http://127.0.0.1:{self._port}"),
            (r"\b(?:HOST|login1)\b", "127.0.0.1"),
        ]

    def _compare(self, block: Block, expected: str, written: str) -> None:
        written = _KILLED.sub("", written.replace(str(self._port), "8080"))
        fault = differs(expected, written, "numbers differ" in block.directives)
        assert fault is None, fault
        if word := block.directives.get("at least one"):
            counted = re.search(rf"\b(\d+) {word}\b", written)
            assert int(counted[1] if counted else 0), f"none is {word}:\n{written}"


def commands(text: str) -> list[tuple[str, str]]:
    """Each command of a console block, after `$ `, with the output below it."""
    found: list[tuple[list[str], list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append(([line[2:]], []))
        elif found and not found[-1][1] and found[-1][0][-1].endswith("\\"):
            found[-1][0].append(line)
        else:
            assert found, "a console block begins with `$ ` and a command"
            found[-1][1].append(line)
    return [("\n".join(command), "\n".join(shown)) for command, shown in found]
