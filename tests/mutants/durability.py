"""Durability: every fsync before an acknowledgement, and the writes around it."""

from tests.mutants.mutant import Mutant, Source

_CUT = "tests/faults/test_power_cut.py"
_FILES = "tests/contracts/test_file_store.py"
_AWAY = "tests/contracts/test_file_store_away.py"

DURABILITY = (
    Source(
        "adapters/storage/atomic_file.py",
        (_CUT,),
        (
            Mutant("the contents of files are not synced", "    os.fsync(file)\n", ""),
            Mutant("names are not synced", "        os.fsync(folder)\n", "        pass\n"),
            Mutant(
                "the name of a new object is not synced",
                "            os.close(file)\n        _sync(folder)\n",
                "            os.close(file)\n",
            ),
            Mutant(
                "the names of new folders are not synced",
                '        raise NotADirectoryError(20, "is a file", folder)\n    sync_name(folder)\n',
                '        raise NotADirectoryError(20, "is a file", folder)\n',
            ),
            Mutant(
                "new folders are not synced below the root",
                "    if folder == root or os.path.isdir(folder):\n        return\n",
                "    if os.path.isdir(folder):\n        return\n",
                (_AWAY,),
            ),
        ),
    ),
    Source(
        "adapters/storage/files.py",
        (_CUT,),
        (
            Mutant(
                "an object that is put has no name after a power cut",
                "            self._in_folder(path, lambda: os.replace(temporary, path))\n"
                "            sync_name(path)\n\n    def replace",
                "            self._in_folder(path, lambda: os.replace(temporary, path))\n\n"
                "    def replace",
            ),
            Mutant(
                "a replaced object has its old contents after a power cut",
                "            os.replace(temporary, path)\n            sync_name(path)\n        return True\n",
                "            os.replace(temporary, path)\n        return True\n",
            ),
            Mutant(
                "a copy is empty after a power cut",
                "                    os.fsync(copied.fileno())\n",
                "",
            ),
            Mutant(
                "a copy has no name after a power cut",
                "            sync_name(path)\n        return True\n\n    def delete",
                "        return True\n\n    def delete",
            ),
            Mutant(
                "a deleted object exists again after a power cut",
                "                    os.unlink(path)\n                    sync_name(path)\n",
                "                    os.unlink(path)\n",
            ),
            Mutant(
                "an object created without links has no name after a power cut",
                "                return False\n            sync_name(path)\n        return True\n",
                "                return False\n        return True\n",
            ),
            Mutant(
                "a create replaces an object that exists",
                "        os.link(temporary, path)\n",
                "        os.replace(temporary, path)\n",
                (_FILES,),
            ),
            Mutant(
                "a replace succeeds although the version has changed",
                "if _version(os.stat(path)) != version:",
                "if False:",
                (_FILES,),
            ),
            Mutant(
                "several concurrent replaces succeed",
                "            fcntl.flock(file, fcntl.LOCK_EX)\n",
                "",
                (_FILES,),
            ),
            Mutant(
                "a missing folder is treated as an empty store",
                "            self._root.check()\n        return found\n\n    def part(",
                "        return found\n\n    def part(",
                (_AWAY,),
            ),
        ),
    ),
    Source(
        "adapters/storage/root_folder.py",
        (_CUT,),
        (
            Mutant(
                "the folder of a new store is missing after a power cut",
                "make_folders(str(path), mode=0o700)",
                "path.mkdir(mode=0o700, parents=True, exist_ok=True)",
            ),
            Mutant(
                "the identity of a store changes after a power cut",
                "            sync_name(self._mark)\n",
                "",
            ),
            Mutant(
                "the folder of another store is mistaken for this one",
                "if seen == self._seen or self._read() == self._known:",
                "if True:",
                (_AWAY,),
            ),
        ),
    ),
    Source(
        "adapters/launchers/local/shim.py",
        (_CUT,),
        (
            Mutant(
                "the output is not on the disk before the end",
                '    _sync(os.path.join(folder, "output.log"))\n',
                "",
            ),
            Mutant(
                "values of much output are not on the disk before the end",
                "(os.path.join(folder, VALUES), *_metric_files(metrics, folder), folder)",
                "(*_metric_files(metrics, folder), folder)",
            ),
            Mutant(
                "metrics are not on the disk before the end",
                "(os.path.join(folder, VALUES), *_metric_files(metrics, folder), folder)",
                "(os.path.join(folder, VALUES), folder)",
            ),
            Mutant(
                "the names in the run's folder are not on the disk before the end",
                "*_metric_files(metrics, folder), folder):",
                "*_metric_files(metrics, folder)):",
            ),
            Mutant(
                "the folders that lead to the metrics are not on the disk before the end",
                "    while above.startswith(run + os.sep):\n",
                "    while False:\n",
            ),
            Mutant(
                "files in the folders of metrics are not synced",
                "            os.fsync(descriptor)\n",
                "            pass\n",
            ),
            Mutant(
                "the end file gets its name before it is complete",
                "            os.fsync(file.fileno())\n        written = end",
                "        written = end",
            ),
            Mutant(
                "a training starts before its launch is on the disk",
                "    patiently(lambda: os.fsync(lock))\n",
                "",
            ),
            Mutant(
                "the end file is missing after a power cut",
                "    os.fsync(directory)\n",
                "",
            ),
        ),
    ),
    Source(
        "adapters/launchers/local/folder.py",
        (_CUT,),
        (
            Mutant(
                "the plan of a run is not on the disk",
                "        write(file.fileno(), data)\n",
                "        file.write(data)\n",
            ),
            Mutant(
                "the names in a run's folder are not on the disk",
                '            sync_name(str(made / "work"))\n',
                "",
            ),
            Mutant(
                "the name of a run's folder is not on the disk",
                "            sync_name(str(self.path))\n",
                "",
            ),
            Mutant(
                "the folders above a run's are not on the disk",
                "make_folders(str(self.path.parent), str(temporary.parent))",
                "self.path.parent.mkdir(parents=True, exist_ok=True)",
            ),
        ),
    ),
    Source(
        "functions/hosting/data_folder.py",
        (_CUT,),
        (
            Mutant(
                "the secret is empty after a power cut",
                "            write(descriptor, secrets.token_hex(32).encode())",
                "            os.write(descriptor, secrets.token_hex(32).encode())",
            ),
            Mutant(
                "the secret is missing after a power cut",
                "        sync_name(str(path))\n",
                "",
            ),
            Mutant(
                "the data folder is missing after a power cut",
                "make_folders(str(data.absolute()), mode=0o700)",
                "data.mkdir(mode=0o700, parents=True, exist_ok=True)",
            ),
        ),
    ),
    Source(
        "adapters/launchers/installation.py",
        (_CUT,),
        (
            Mutant(
                "an installation's name is empty after a power cut",
                "            write(descriptor, token_hex(8).encode())",
                "            os.write(descriptor, token_hex(8).encode())",
            ),
            Mutant(
                "the name of an installation changes after a power cut",
                "        sync_name(str(path))\n",
                "",
            ),
            Mutant(
                "the folder of an installation is missing after a power cut",
                "make_folders(str(folder))",
                "folder.mkdir(parents=True, exist_ok=True)",
            ),
        ),
    ),
    Source(
        "tunelet/cli/output_file.py",
        (_CUT,),
        (
            Mutant(
                "an exported file is empty after a power cut",
                "            os.fsync(out.fileno())\n",
                "",
            ),
        ),
    ),
)
