"""`TuneletStorage`: Optuna's storage over Tunelet's log or a service (docs/guides/optuna.md)."""

import copy
import os
from collections.abc import Callable, Container, Sequence
from secrets import token_hex
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.storages._base import DEFAULT_STUDY_NAME_PREFIX
from optuna.storages._heartbeat import BaseHeartbeat
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState

from adapters.optuna.attributes import all_read, stored
from adapters.optuna.heartbeats import Heartbeats
from adapters.optuna.names import place_of, trial_id
from adapters.optuna.places import address, opened
from adapters.optuna.studies import Studies
from adapters.optuna.study import Study
from tunelet.core.study_view import View

StaleCallback = Callable[[optuna.Study, FrozenTrial], None]


class TuneletStorage(BaseStorage, BaseHeartbeat):
    """Stores studies in a folder, a bucket or a service, without a database.

        import optuna
        from tunelet.interop.optuna import TuneletStorage

        study = optuna.create_study(storage=TuneletStorage("s3://bucket/prefix"))

    `url` is the path of a folder, or a URL: `file:///folder`, `s3://bucket/prefix`,
    `gs://bucket/prefix`, `az://container/prefix`, `memory://name`, or `http://host:8080` of a
    service, by default that of TUNELET_URL. Any number of threads, processes and machines may share
    a study. Each study is an experiment in `namespace`, which `tunelet list` and the service show.
    `token`, by default TUNELET_TOKEN, is sent to a service as a bearer token.

    With `heartbeat_interval` (seconds) a trial fails once its process has sent no heartbeat
    for `grace_period` seconds, by default twice the interval; then `heartbeat_stale_trial_callback`
    is called with the study and the trial, as in Optuna's `RDBStorage`.

    Raises `tunelet.errors.Reject` if the URL is invalid, `ValueError` for an invalid interval.
    Methods raise what `BaseStorage` documents, and `tunelet.errors.Retry` if the store or the
    service does not answer.
    """

    def __init__(
        self,
        url: str | os.PathLike[str] | None = None,
        *,
        namespace: str = "default",
        token: str | None = None,
        heartbeat_interval: int | None = None,
        grace_period: int | None = None,
        heartbeat_stale_trial_callback: StaleCallback | None = None,
    ) -> None:
        for name, value in (
            ("heartbeat_interval", heartbeat_interval),
            ("grace_period", grace_period),
        ):
            if value is not None and value <= 0:
                raise ValueError(f"{name} is {value}: it must be a positive number of seconds")
        self.url = address(url)
        self.namespace = namespace
        self._token = token
        self._interval = heartbeat_interval
        self._grace = grace_period
        self._callback = heartbeat_stale_trial_callback
        self._opened: tuple[int, Studies] | None = None
        self._beats: dict[int, Heartbeats] = {}
        self._studies  # noqa: B018 (a wrong URL is refused here)

    def __reduce__(self) -> tuple[Any, ...]:
        """Write all changes first, because another process may read the trials."""
        self._studies.flush()
        more = (self._token, self._interval, self._grace, self._callback)
        return _restored, (self.url, self.namespace, *more)

    @property
    def _studies(self) -> Studies:
        """Return the studies of this process. A forked process has none of its parent's threads."""
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = os.getpid(), opened(self.url, self.namespace, self._token)
            self._beats = {}
        return self._opened[1]

    # Studies

    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        if study_name is None:
            study_name = f"{DEFAULT_STUDY_NAME_PREFIX}{token_hex(8)}"
        return self._studies.create(study_name, [each.name.lower() for each in directions])

    def delete_study(self, study_id: int) -> None:
        self._studies.delete(study_id)

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self._studies.study(study_id).set_attributes({key: stored(value)}, {})

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self._studies.study(study_id).set_attributes({}, {key: stored(value)})

    def get_study_id_from_name(self, study_name: str) -> int:
        return self._studies.named(study_name)

    def get_study_name_from_id(self, study_id: int) -> str:
        return self._view(study_id).name

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return _directions(self._view(study_id))

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return all_read(self._view(study_id).attributes)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return all_read(self._view(study_id).system)

    def get_all_studies(self) -> list[FrozenStudy]:
        return [
            FrozenStudy(
                study_name=each.name,
                direction=None,
                directions=_directions(each),
                user_attrs=all_read(each.attributes),
                system_attrs=all_read(each.system),
                study_id=each.number,
            )
            for each in self._studies.all()
        ]

    # Trials

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        number = self._studies.study(study_id).create(template_trial, self._watches)
        return trial_id(study_id, number)

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        study, number = self._place(trial_id)
        study.set_param(number, param_name, param_value_internal, distribution)

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        study, number = self._place(trial_id)
        if state is TrialState.WAITING:
            study.refuse_ended(number)
            raise ValueError("a trial cannot wait again; add one with study.enqueue_trial")
        if state is TrialState.RUNNING:
            return study.take(number, self._watches)
        study.end(number, state, values)
        return True

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        study, number = self._place(trial_id)
        study.report(number, step, intermediate_value)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        study, number = self._place(trial_id)
        study.set_attribute(number, key, value, system=False)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        study, number = self._place(trial_id)
        study.set_attribute(number, key, value, system=True)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        study, number = self._place(trial_id)
        return study.trial(number)

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        found = self._studies.study(study_id).trials(states)
        return copy.deepcopy(found) if deepcopy else found

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        if not 0 <= trial_number < self._studies.study(study_id).count():
            raise KeyError(f"study {study_id} has no trial {trial_number}")
        return trial_id(study_id, trial_number)

    # Heartbeats

    def record_heartbeat(self, trial_id: int) -> None:
        place = place_of(trial_id)
        self._heartbeats(place.study).beat(place.number)

    def _get_stale_trial_ids(self, study_id: int) -> list[int]:
        running = self._studies.study(study_id).running()
        stale = self._heartbeats(study_id).stale(running)
        return [trial_id(study_id, number) for number in stale]

    def get_heartbeat_interval(self) -> int | None:
        return self._interval

    def get_heartbeat_stale_trial_callback(self) -> StaleCallback | None:
        return self._callback

    @property
    def _watches(self) -> bool:
        return self._interval is not None

    def _heartbeats(self, study_id: int) -> Heartbeats:
        study = self._studies.study(study_id)
        interval = self._interval or 60
        made = Heartbeats(study.beats, self._studies.caller, self._grace or 2 * interval)
        return self._beats.setdefault(study_id, made)

    def _place(self, trial_id: int) -> tuple[Study, int]:
        place = place_of(trial_id)
        try:
            return self._studies.study(place.study), place.number
        except KeyError:
            raise KeyError(f"there is no trial {trial_id}") from None

    def _view(self, study_id: int) -> View:
        return self._studies.study(study_id).view()


def _restored(
    url: str,
    namespace: str,
    token: str | None,
    interval: int | None,
    grace: int | None,
    callback: StaleCallback | None,
) -> TuneletStorage:
    return TuneletStorage(
        url,
        namespace=namespace,
        token=token,
        heartbeat_interval=interval,
        grace_period=grace,
        heartbeat_stale_trial_callback=callback,
    )


def _directions(study: View) -> list[StudyDirection]:
    return [StudyDirection[each.direction.upper()] for each in study.objectives]
