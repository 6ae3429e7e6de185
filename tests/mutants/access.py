"""Who may do what, and how much: rights and quotas."""

from tests.mutants.mutant import Mutant, Source

_ROUTES = "tests/unit/functions/identity/test_routes.py"
_CREDENTIALS = "tests/unit/functions/identity/test_credentials.py"
_METRICS = "tests/unit/functions/api/test_metrics.py"
_LABELS = "tests/unit/functions/api/test_interventions.py"
_LIVE = "tests/unit/tunelet/engine/test_live_trials.py"
_LETTERS = "tests/unit/functions/events/test_dead_letter.py"

ACCESS = (
    Source(
        "functions/identity/gate.py",
        (_ROUTES,),
        (
            Mutant(
                "what one may not see is answered as forbidden",
                "            raise NotFound(absent)\n",
                "            pass\n",
            ),
            Mutant(
                "the gate admits what one may see, whatever one does",
                "        return self._authorizer.allows(actor, right.verb, namespace,",
                "        return self._authorizer.allows(actor, Verb.GET, namespace,",
            ),
        ),
    ),
    Source(
        "functions/identity/gate.py",
        (_METRICS,),
        (
            Mutant(
                "every known actor sees the metrics of the installation",
                "        if not self.allows(actor, right, EVERYWHERE):\n",
                "        if False:\n",
            ),
            Mutant(
                "the metrics of the installation are open",
                "        if self._open_metrics:\n",
                "        if True:\n",
            ),
        ),
    ),
    Source(
        "tunelet/dead_letters.py",
        (_METRICS,),
        (
            Mutant(
                "a namespace's metrics count the dead letters of all",
                'sum(key.partition(".")[2] == namespace for key',
                "sum(bool(key) for key",
            ),
        ),
    ),
    Source(
        "tunelet/dead_letters.py",
        (_LETTERS,),
        (
            Mutant(
                "of a letter that is kept twice at once none is left",
                'if key.partition("-")[2] == same][1:]',
                'if key.partition("-")[2] == same and key != _PREFIX + id_]',
            ),
            Mutant(
                "a tenant puts a letter into another's list",
                "replace(letter, id=id_, ",
                "replace(letter, ",
            ),
            Mutant(
                "a replay sends headers that a tenant wrote",
                "headers=of_event(letter.headers)",
                "headers=letter.headers",
            ),
        ),
    ),
    Source(
        "functions/events/dead_letter.py",
        (_LETTERS,),
        (
            Mutant(
                "an event about a damaged log is lost",
                "        except (Reject, NotFound, Throttled, Damaged):\n",
                "        except (Reject, NotFound, Throttled):\n",
            ),
        ),
    ),
    Source(
        "tunelet/engine/usage.py",
        (_METRICS,),
        (
            Mutant(
                "the metrics of a namespace read any number of logs",
                "names[: self._most]):",
                "names):",
            ),
            Mutant(
                "each scrape of a namespace's metrics reads its logs",
                "not 0 <= now - self.began < KEPT_SECONDS",
                "True",
            ),
        ),
    ),
    Source(
        "functions/api/metrics.py",
        (_METRICS,),
        (
            Mutant(
                "dead letters are counted for those who may not list them",
                "    if letters:\n",
                "    if True:\n",
            ),
        ),
    ),
    Source(
        "functions/identity/roles.py",
        (_ROUTES,),
        (
            Mutant(
                "a role counts in every namespace",
                "wanted in RIGHTS[grant.role] and _covers(grant, namespace) and grant.to(actor)",
                "wanted in RIGHTS[grant.role] and grant.to(actor)",
            ),
            Mutant(
                "a role is everyone's",
                " and _covers(grant, namespace) and grant.to(actor)",
                " and _covers(grant, namespace)",
            ),
        ),
    ),
    Source(
        "functions/identity/authentication.py",
        (_CREDENTIALS,),
        (
            Mutant(
                "any scheme is a bearer token",
                'scheme.lower() != "bearer" or ',
                "",
            ),
        ),
    ),
    Source(
        "tunelet/core/ledger.py",
        ("tests/unit/tunelet/core/test_ledger.py",),
        (
            Mutant(
                "an experiment takes the places of those that wait",
                "max(0, self.room(most) - len(self.ahead_of(experiment)))",
                "self.room(most)",
            ),
            Mutant(
                "an admitted attempt takes a second place",
                "[place for place in due if place not in self.live]",
                "list(due)",
            ),
        ),
    ),
    Source(
        "tunelet/engine/live_trials.py",
        (_LIVE,),
        (
            Mutant(
                "a process writes over another's change of the ledger",
                "        return self._store.replace(key, data, stored.version)\n",
                "        self._store.put(key, data)\n        return True\n",
            ),
            Mutant(
                "a quota that is new does not count what runs already",
                "            if trial.started_at is not None and trial.active:\n",
                "            if False:\n",
            ),
            Mutant(
                "a lowered quota does not hold for what was admitted before",
                "set(ledger.live[:most])",
                "set(ledger.live)",
            ),
            Mutant(
                "experiments are woken that get no place yet",
                "in ledger.in_turn() if other",
                "in ledger.waiting if other",
            ),
            Mutant(
                "each launch looks for ended attempts of all experiments",
                "        if ledger.waiting and looked is not None and 0 <= now - looked < LOOK_SECONDS:\n",
                "        if False:\n",
            ),
            Mutant(
                "a look is not repeated with a change that another process forestalls",
                "self._without_ended(namespace, own, looked)",
                "self._without_ended(namespace, own, self._last_look(namespace))",
            ),
            Mutant(
                "an experiment keeps its ended attempts in the ledger while others wait",
                "self._pruned(namespace, ledger, [name]) if ledger.waiting else ledger",
                "ledger",
            ),
        ),
    ),
    Source(
        "tunelet/engine/allowance.py",
        ("tests/unit/functions/api/test_over_quota.py",),
        (
            Mutant(
                "a namespace may have an experiment more than its quota",
                "        if found > most:\n",
                "        if found > most + 1:\n",
            ),
            Mutant(
                "a namespace that has used up its bytes may begin more",
                '>= most:\n            remedy = "delete experiments, and try',
                '> most * 2:\n            remedy = "delete experiments, and try',
            ),
        ),
    ),
    Source(
        "tunelet/request/spec.py",
        (_LABELS,),
        (
            Mutant(
                "a submission sets labels that are Tunelet's",
                '    found += reserved(request.labels, "labels")\n',
                "",
            ),
            Mutant(
                "a change of all labels sets some that are Tunelet's",
                '    found += reserved(terms.labels.keys() - spec.get("labels", {}).keys(), "labels")\n',
                "",
            ),
        ),
    ),
    Source(
        "tunelet/engine/loop.py",
        (_LABELS,),
        (
            Mutant(
                "the run of a stopped trial trains on if a window closed with the stop",
                "early=number is not None",
                "early=False",
            ),
        ),
    ),
    Source(
        "functions/hosting/background.py",
        ("tests/e2e/test_plain.py::test_a_process_without_its_port_of_events_ends",),
        (
            Mutant(
                "a process without its port of events lives on",
                "        os.kill(os.getpid(), signal.SIGTERM)\n",
                "",
            ),
        ),
    ),
)
