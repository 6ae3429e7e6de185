"""The processes of one installation, and the trainings that it can run."""

from pathlib import Path

from adapters.launchers.installation import installation
from adapters.launchers.local.abilities import Abilities
from adapters.launchers.local.launcher import open_url

SECRET = b"0123456789abcdef"


def of(url: str, secret: bytes = SECRET) -> str:
    return installation(url, secret, {}, None).id


def test_all_launchers_over_one_folder_are_one_installation(tmp_path: Path) -> None:
    url = (tmp_path / "runs").as_uri().replace("file:", "process:")
    first = of(url)
    open_url(url, aliases={}, limit=None)
    assert of(url, b"another secret !!") == first
    assert of(url + "2") != first
    assert [path.name for path in (tmp_path / "runs").glob("installation*")] == ["installation"]


def test_a_deployment_is_one_installation_and_another_with_its_own_secret_or_name_is_not() -> None:
    url = "kubernetes://?prefix=tunelet-trials-"
    assert of(url) == of("kubernetes://?prefix=other-") == of(url)
    assert of(url).startswith("tunelet-")
    named = of(f"{url}&installation=second")
    assert named.startswith("second-")
    assert len({of(url), named, of(url, b"another secret !!")}) == 3


def test_a_laptop_has_as_many_places_as_it_runs_processes(tmp_path: Path) -> None:
    url = (tmp_path / "runs").as_uri().replace("file:", "process:")
    assert installation(url, SECRET, {}, 3).places == 3
    assert (installation(url, SECRET, {}, None).places or 0) >= 4
    assert installation("kubernetes://", SECRET, {}, None).places is None


def test_a_laptop_runs_aliases_and_with_an_engine_images() -> None:
    asked: list[str] = []

    def engine(path: str | None) -> Abilities:
        def find() -> str | None:
            asked.append("asked")
            return path

        return Abilities({"alias": ["true"]}, find)

    assert engine(None)({"image": "alias"})
    assert not asked
    without = engine(None)
    assert not without({"image": "python:3.11"})
    assert not without({"image": "python:3.12"})
    assert asked == ["asked"], "an engine is not asked for each decision"
    assert engine("/bin/podman")({"image": "python:3.11"})
    assert not engine("/bin/podman")({"manifest": {"kind": "Job"}})
