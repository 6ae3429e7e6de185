"""What is wrong with the fields of a trial's pod together, beyond the shape of each."""

from collections.abc import Collection, Iterator
from typing import Any

from tunelet.errors import FieldError
from tunelet.request.pod_shapes import Pod
from tunelet.text.messages import path

OURS = "tunelet-"
"""With this begin the volumes that Tunelet adds itself."""


def problems(pod: Pod, env: Collection[str]) -> Iterator[FieldError]:
    """What is wrong with the fields together; `env` are the names of other variables."""
    names = [volume.get("name") for volume in pod.volumes]
    for index, volume in enumerate(pod.volumes):
        if complaint := _volume_complaint(volume, names.index(volume.get("name")) < index):
            yield _error(["volumes", index], *complaint)
    for index, mount in enumerate(pod.volume_mounts):
        if mount.name not in names:
            message, remedy = "names no volume", "add the volume to volumes"
            yield _error(["volume_mounts", index, "name"], message, remedy)
    for index, source in enumerate(pod.env_from):
        if (source.secretRef is None) == (source.configMapRef is None):
            message = "must have one of secretRef and configMapRef"
            yield _error(["env_from", index], message, 'write {"secretRef": {"name": "…"}}, say')
    for name in pod.secrets:
        if name in env:
            yield _error(["secrets", name], "is also set in env", "keep one of them")


def _volume_complaint(volume: dict[str, Any], again: bool) -> tuple[str, str] | None:
    name = volume.get("name")
    if not isinstance(name, str) or not name:
        return "has no name", 'write {"name": "data", "emptyDir": {}}, say'
    if again:
        return "has the name of another volume", "give it one of its own"
    if name.startswith(OURS):
        return f"has a name that begins with {OURS}", "use another name"
    if len(volume) != 2:
        remedy = 'write {"name": "data", "persistentVolumeClaim": {"claimName": "…"}}, say'
        return "must have a name and one source", remedy
    return None


def _error(segments: list[Any], message: str, remedy: str) -> FieldError:
    return FieldError(path(["model_training_code", *segments]), None, message, remedy)
