"""`tunelet.interop.optuna` is imported without Optuna, and says what its storage needs."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_module_alone_imports_neither_optuna_nor_the_log() -> None:
    code = "import sys, tunelet.interop.optuna; print({'optuna', 'msgspec'} & sys.modules.keys())"
    assert run(code) == "set()\n"


def test_without_optuna_it_says_what_to_install() -> None:
    code = """
import sys
sys.modules["optuna"] = None
try:
    from tunelet.interop.optuna import TuneletStorage
except ImportError as error:
    print(error)
"""
    assert "pip install 'tunelet[up]'" in run(code)


def test_a_misspelt_name_is_absent() -> None:
    code = "import tunelet.interop.optuna as o; print(hasattr(o, 'TuneletStorages'))"
    assert run(code) == "False\n"
