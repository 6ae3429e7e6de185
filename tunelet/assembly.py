"""Assembles the service from its parts, over the adapters that the caller chose."""

import time
from collections.abc import Callable, Iterable
from functools import partial

from tunelet.core.installation import ANY, Installation
from tunelet.core.quotas import UNLIMITED, Quotas
from tunelet.dead_letters import DeadLetters
from tunelet.engine.allowance import Allowance
from tunelet.engine.asking import Asking
from tunelet.engine.attempts import Attempts
from tunelet.engine.checkpoints import Checkpoints
from tunelet.engine.early_stopping import Stopping
from tunelet.engine.ending import Ending
from tunelet.engine.interventions import Interventions
from tunelet.engine.live_trials import LiveTrials
from tunelet.engine.loop import Loop
from tunelet.engine.membership import Membership
from tunelet.engine.outputs import Outputs
from tunelet.engine.retention import Retention
from tunelet.engine.runs import Runs
from tunelet.engine.submitting import Submitting
from tunelet.engine.suggest import Suggesting
from tunelet.engine.sweep import Sweep
from tunelet.engine.tokens import Tokens
from tunelet.engine.trial_files import TrialFiles
from tunelet.engine.usage import UsageReader
from tunelet.log import leases as lease
from tunelet.log.arming import Arming
from tunelet.log.identity import Identity
from tunelet.log.journal_cache import Journals
from tunelet.log.leases import Leases
from tunelet.log.markers import Markers
from tunelet.log.summaries import Summaries
from tunelet.log.tenant_stores import store_of
from tunelet.ports import Catalog, Launcher, ProcessTurns, Publisher, Schedule, Store
from tunelet.request.policy import Policies
from tunelet.service import Service
from tunelet.store_probe import Probed
from tunelet.text.limits import OUTPUT_BYTES


def assembled(
    store: Store,
    launcher: Launcher,
    catalog: Catalog,
    publisher: Publisher,
    *,
    secret: bytes,
    api_url: str,
    installation: Installation = ANY,
    lease_seconds: float = lease.SECONDS,
    dead: Callable[[str], bool] = lambda _: False,
    allows_commands: bool = False,
    aliases: Iterable[str] = (),
    policies: Policies | None = None,
    output_bytes: int = OUTPUT_BYTES,
    schedule: Schedule | None = None,
    quotas: Quotas = UNLIMITED,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
    turns: ProcessTurns | None = None,
    sweeps_abreast: int = 1,
) -> Service:
    """The service over these adapters. Reads and writes nothing yet.

    `secret` signs the trials' tokens. Training code reaches the API at `api_url`. `dead` shows
    which installations are certainly gone. `clock` gives seconds since the epoch. `allows_commands`
    accepts training code that is a command without an image: every client can then run any program
    as the service's user. `aliases` are the images that the launcher runs as commands. `policies`
    say which pods trials may have. `output_bytes` is what is stored of an attempt's output,
    compressed. Without a `schedule` sweeps never pause. `quotas` are what each namespace may use. A
    sweep looks at `sweeps_abreast` experiments at a time.
    """
    journals = Journals(store, clock, sleep, by=installation, turns=turns)
    arming = Arming(schedule, clock)
    markers = Markers(store, clock, arming)
    tokens = Tokens(secret)
    leases = Leases(store, installation.id, clock, lease_seconds, dead)
    outputs = Outputs(store, launcher, output_bytes)
    checkpoints = Checkpoints(store)
    identity = Identity(store)
    runs = Runs(launcher, journals, tokens, checkpoints, outputs, identity, api_url, policies)
    stopping = Stopping(journals, catalog)
    suggesting = Suggesting(journals, catalog)
    membership = Membership(installation, leases)
    summaries = Summaries(store, journals)
    live = LiveTrials(store, journals, markers, quotas)
    allowance = Allowance(quotas, store, markers)
    loop = Loop(journals, markers, leases, suggesting, stopping, runs, live, publisher)
    asking = Asking(journals, leases, suggesting, runs, live, loop)
    letters = DeadLetters(store, clock, partial(store_of, store))
    probed = Probed(partial(store_of, store))
    return Service(
        store=store,
        probed=probed,
        launcher=launcher,
        catalog=catalog,
        aliases=sorted(aliases),
        allows_commands=allows_commands,
        journals=journals,
        markers=markers,
        allowance=allowance,
        leases=leases,
        dead=letters,
        usage=UsageReader(journals, markers, letters, allowance),
        summaries=summaries,
        loop=loop,
        interventions=Interventions(journals, markers, allowance, asking, loop),
        ending=Ending(journals, loop, publisher, sleep),
        membership=membership,
        submitting=Submitting(
            *(catalog, launcher, probed, journals, markers, allowance, membership, loop),
            policies or Policies(),
            allows_commands,
        ),
        attempts=Attempts(journals, tokens, allowance, live, asking, loop),
        files=TrialFiles(journals, launcher, outputs, checkpoints),
        sweeper=Sweep(
            *(store, launcher, journals, markers, arming, leases, membership),
            *(
                stopping,
                runs,
                outputs,
                Retention(store, launcher, journals, catalog),
                summaries,
                loop,
            ),
            sweeps_abreast,
        ),
    )
