"""Tenants: whose objects are whose, which names are Tunelet's, and what strangers cost."""

from tests.mutants.mutant import Mutant, Source

_AWAY = "tests/faults/test_tenants_store_away.py"
_WRITES = "tests/faults/test_tenant_writes.py"

TENANTS = (
    Source(
        "tunelet/log/tenant_stores.py",
        ("tests/unit/tunelet/log/test_tenant_stores.py",),
        (
            Mutant(
                "a tenant shows another's experiments in its own store",
                "                if namespace_of(key) == namespace:\n                    yield key\n",
                "                yield key\n",
            ),
            Mutant(
                "objects that a tenant left in the shared store are still listed",
                '            if (namespace_of(key) or "") not in self._own\n',
                "",
            ),
        ),
    ),
    Source(
        "tunelet/engine/sweep.py",
        (_AWAY,),
        (
            Mutant(
                "sweeps pause although a store with live experiments is away",
                "            if marked or not away:\n",
                "            if True:\n",
            ),
            Mutant(
                "a tenant that gets a store loses the runs it has",
                "        if left_behind(",
                "        if False and left_behind(",
            ),
            Mutant(
                "the lease ends although runs are in a store that is away",
                "                if not away:\n                    self._leases.release(held)\n",
                "                self._leases.release(held)\n",
            ),
        ),
    ),
    Source(
        "tunelet/log/quiet.py",
        (_WRITES,),
        (
            Mutant(
                "a tenant's unreadable notes hide those of others",
                "        except (ValueError, RecursionError) as fault:\n",
                "        except msgspec.MsgspecError as fault:\n",
            ),
        ),
    ),
    Source(
        "tunelet/engine/idle.py",
        (_WRITES,),
        (
            Mutant(
                "a tenant's forged note ends all sweeps",
                "        except Exception:\n            # The fault of one tenant's",
                "        except TuneletError:\n            # The fault of one tenant's",
            ),
        ),
    ),
    Source(
        "tunelet/log/expiry.py",
        (_WRITES,),
        (
            Mutant(
                "a tenant's object hides which experiments of others are due",
                "([0-9]{15})/",
                "([0-9]+)/",
            ),
        ),
    ),
    Source(
        "tunelet/engine/checkpoints.py",
        (_AWAY,),
        (
            Mutant(
                "trials of a tenant save their checkpoints in the shared store",
                "store_of(self._store, run.namespace).url",
                "self._store.url",
            ),
        ),
    ),
    Source(
        "tunelet/request/admission.py",
        ("tests/unit/tunelet/request/test_admission.py",),
        (
            Mutant(
                "a label of Tunelet's passes beside a value that is no text",
                "        if where[-1] in _TEXTS:\n            yield from _label",
                "        if texts:\n            yield from _label",
            ),
        ),
    ),
    Source(
        "functions/identity/kubernetes.py",
        ("tests/unit/functions/identity/test_kubernetes.py",),
        (
            Mutant(
                "each unknown token is a request to the cluster",
                "        self._failures.check()\n",
                "",
            ),
            Mutant(
                "an unknown token that comes again is a request to the cluster",
                "            self._unknown.put(key, refused)\n",
                "",
            ),
        ),
    ),
    Source(
        "functions/hosting/at_work.py",
        ("tests/unit/functions/hosting/test_at_work.py",),
        (
            Mutant(
                "a flood takes all threads while others call",
                "return self._count[member] >= self._most and self._others_call(member)",
                "return False",
            ),
            Mutant(
                "a namespace alone has only a part of the threads",
                "return self._count[member] >= self._most and self._others_call(member)",
                "return self._count[member] >= self._most",
            ),
            Mutant(
                "open streams take the places of calls",
                "if not isinstance(member, str) or member.endswith(_STREAM):",
                "if not isinstance(member, str):",
            ),
            Mutant(
                "probes limit a namespace that is alone",
                "if member == UNSCOPED or member.endswith(_STREAM):",
                "if False:",
            ),
            Mutant(
                "a call that has ended keeps its place",
                "        self._count[member] -= 1\n",
                "",
            ),
            Mutant(
                "a namespace that called long ago limits the others",
                "and self._clock() - latest[1] <= SECONDS",
                "",
            ),
        ),
    ),
)
