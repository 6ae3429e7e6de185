"""Copies only the files that a Python program needs from the image in which this runs.

    python3 distill.py OUT --all SITE            the whole standard library, for the code in SITE
    python3 distill.py OUT --of MODULE… --in SITE    the modules that these import, as bytecode

OUT then has the interpreter (also as /bin/python3), the standard library, every shared library
that these need (by the dynamic linker), certificates, and a user without privileges; no shell, no
package manager. Runs in any glibc image of Python 3.11 or newer with `ldd`.
"""

import argparse
import importlib
import os
import py_compile
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

USER = 65532
STDLIB = Path(sysconfig.get_path("stdlib"))
UNUSED = (
    *("__pycache__", "config-*", "dist-packages", "ensurepip", "idlelib", "lib2to3"),
    *("pydoc_data", "site-packages", "test", "tests", "tkinter", "turtledemo", "venv"),
    *("_tkinter*", "_test*", "_ctypes_test*"),
)
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
CERTIFICATES_BY = "/usr/sbin/update-ca-certificates"
"""The program that writes them, which belongs to their package; the file itself belongs to none."""
LAZY = (
    *("encodings.idna", "encodings.ascii", "encodings.latin_1", "encodings.utf_8"),
    *("traceback", "linecache", "tokenize", "stringprep", "random", "signal"),
)
"""Modules that the standard library imports only when it needs them."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--all", type=Path)
    parser.add_argument("--of", nargs="+")
    parser.add_argument("--in", dest="site", type=Path)
    asked = parser.parse_args()
    if asked.all:
        shutil.copytree(STDLIB, _at(asked.out, STDLIB), ignore=shutil.ignore_patterns(*UNUSED))
        objects = [*STDLIB.glob("lib-dynload/*.so"), *asked.all.rglob("*.so*")]
    else:
        objects = list(_bytecode(asked.out, asked.of, asked.site))
    interpreter = Path(sys.executable).resolve()
    system = {interpreter, *_needed([interpreter, *objects], asked.all or asked.site)}
    for path in system:
        _copy(path, asked.out)
    _furnish(asked.out, interpreter)
    _record(asked.out, [*system, STDLIB / "os.py", Path(CERTIFICATES_BY)])


def _bytecode(out: Path, modules: Iterable[str], site: Path) -> Iterator[Path]:
    """Write the bytecode of all modules that these import; returns the extension modules."""
    sys.path.insert(0, str(site))
    for name in (*modules, *LAZY):
        importlib.import_module(name)
    _at(out, STDLIB / "lib-dynload").mkdir(parents=True)
    for module in list(sys.modules.values()):
        file = Path(getattr(module, "__file__", None) or "/")
        if file.suffix == ".so":
            _copy(file, out)
            yield file
        elif file.suffix == ".py" and file != Path(__file__):
            target = _at(out, file.parent / f"{file.stem}.pyc")
            target.parent.mkdir(parents=True, exist_ok=True)
            mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
            py_compile.compile(str(file), str(target), str(file), True, invalidation_mode=mode)


def _needed(objects: Iterable[Path], site: Path) -> Iterator[Path]:
    """Return the shared libraries that the dynamic linker finds for them outside `site`."""
    known = [str(path) for path in objects if path.is_file()]
    listed = subprocess.run(["ldd", *known], capture_output=True, text=True, check=False).stdout
    for line in listed.splitlines():
        words = line.replace("=>", " ").split()
        path = next((word for word in words if word.startswith("/")), "").rstrip(":")
        if ".so" in path and not path.startswith(f"{site}/"):
            yield Path(path)


def _furnish(out: Path, interpreter: Path) -> None:
    for path in map(Path, (CERTIFICATES, "/etc/ld.so.cache")):
        if path.exists():
            _copy(path, out)
    (out / "bin").mkdir(exist_ok=True)
    (out / "bin/python3").symlink_to(interpreter)
    (out / "etc/passwd").write_text(f"tunelet:x:{USER}:{USER}::/:/\n")
    (out / "etc/group").write_text(f"tunelet:x:{USER}:\n")
    (out / "etc/nsswitch.conf").write_text("hosts: files dns\n")
    (out / "tmp").mkdir(exist_ok=True)
    os.chmod(out / "tmp", 0o1777)


def _record(out: Path, files: Iterable[Path]) -> None:
    """Write the status of each Debian package that has one of the files.

    Scanners, and the bill of materials of a release, know the packages of an image without dpkg by
    these files. An interpreter that was built from source belongs to no package.
    """
    if shutil.which("dpkg-query") is None:
        return
    paths = {path for file in files for path in (file, file.resolve())}
    named = {str(name) for path in paths for name in _names(path)}
    found = _dpkg("--search", *sorted(named))
    owners = {each.strip() for line in found for each in line.partition(": /")[0].split(",")}
    folder = out / "var/lib/dpkg/status.d"
    folder.mkdir(parents=True)
    for name in sorted(owners):
        status = _dpkg("--status", name)
        (folder / name.partition(":")[0]).write_text("\n".join(status) + "\n")


def _names(path: Path) -> tuple[Path, Path]:
    """The path with and without /usr: dpkg knows one of them, and both lead to the same file."""
    rest = path.relative_to("/usr") if path.is_relative_to("/usr") else path.relative_to("/")
    return Path("/", rest), Path("/usr", rest)


def _dpkg(*asked: str) -> list[str]:
    # It fails if one of the files belongs to no package.
    ran = subprocess.run(["dpkg-query", *asked], capture_output=True, text=True, check=False)
    return [line for line in ran.stdout.splitlines() if not line.startswith("diversion by")]


def _copy(path: Path, out: Path) -> None:
    target = _at(out, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target)


def _at(out: Path, path: Path) -> Path:
    return out / path.relative_to("/")


if __name__ == "__main__":
    main()
