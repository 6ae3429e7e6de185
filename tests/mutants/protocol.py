"""The commit protocol: entries, snapshots, purges, markers, and the tokens of trials."""

from tests.mutants.mutant import Mutant, Source

_JOURNAL = "tests/unit/tunelet/log/test_journal.py"
_PURGE = "tests/faults/test_purge.py"
_CROWD = "tests/faults/test_crowd.py"
_LIFE = (
    "tests/faults/test_lives.py"
    "::test_commands_for_an_experiment_do_not_apply_to_the_next_of_its_name"
)
_CHAIN = "tests/unit/tunelet/log/test_reader.py"
_VERIFY = "tests/unit/tunelet/log/test_verify.py"
_VERSIONS = "tests/faults/test_versions.py"
_DOUBT = "tests/unit/tunelet/log/test_writer.py"
_TAIL = "tests/unit/tunelet/log/test_tail.py"
_SEGMENTS = "tests/unit/tunelet/log/test_snapshots.py"

PROTOCOL = (
    Source(
        "tunelet/log/writer.py",
        (_DOUBT, _JOURNAL),
        (
            Mutant(
                '"exists" is always taken for another writer\'s entry',
                "                if self._store.create(key, data):\n                    return True\n",
                "                return self._store.create(key, data)\n",
            ),
            Mutant(
                "another writer's entry is mistaken for our own",
                "return standing.data == data",
                "return True",
            ),
            Mutant(
                "our own entry is mistaken for another writer's",
                "return standing.data == data",
                "return False",
            ),
            Mutant(
                "an unknown outcome is reported as a failure",
                'raise CommitUnknown(f"it is not known whether the change stands: {fault}")',
                'raise Retry(f"it is not known whether the change stands: {fault}")',
            ),
            Mutant(
                "a refusal after an unknown outcome is reported as a failure",
                "if isinstance(error, Reject | Unavailable) and tries == 0:",
                "if isinstance(error, Reject | Unavailable):",
            ),
            Mutant(
                "an immediate refusal is retried endlessly",
                "if isinstance(error, Reject | Unavailable) and tries == 0:",
                "if False:",
            ),
            Mutant(
                "entries have no nonce, so entries of two writers can be equal",
                "nonce=uuid4().hex[:16]",
                'nonce=""',
            ),
            Mutant(
                "an entry written into a purged log counts as committed",
                "if not self._follow(entry, checksum, sent, until):",
                "if self._follow(entry, checksum, sent, until) is None:",
                (_PURGE,),
            ),
            Mutant(
                "an entry written into a purged log is not removed",
                "            self._store.delete(key)\n            return False\n",
                "            return False\n",
                (_PURGE,),
            ),
            Mutant(
                "an entry that nobody can read is written",
                "entry, checksum = decode(data, entry.seq, head.sum)  # as all others will read it",
                "checksum = data[-66:-2].decode()",
            ),
        ),
    ),
    Source(
        "tunelet/log/journal.py",
        (_JOURNAL,),
        (
            Mutant(
                "a purge begins while slow writers may still be writing",
                "if self._clock() < head.tombstone.at + PURGE_AFTER:",
                "if self._clock() < head.tombstone.at:",
                (_TAIL, _PURGE),
            ),
            Mutant(
                "a purge removes objects without writing its mark first",
                "        mark_purged(self._store, self.path, head.tombstone.seq)\n",
                "",
                (_PURGE,),
            ),
            Mutant(
                "a purge removes the checkpoints of the present experiment",
                "lives.discard(head.experiment.uid)",
                "pass",
                (_JOURNAL, _PURGE),
            ),
            Mutant(
                "the lives to purge are listed after the state is read",
                "        lives = set(lives_with_files(self._store, self.path))\n"
                "        head = self._now()\n",
                "        head = self._now()\n"
                "        lives = set(lives_with_files(self._store, self.path))\n",
                (_TAIL, _PURGE),
            ),
        ),
    ),
    Source(
        "tunelet/log/committer.py",
        (_JOURNAL,),
        (
            Mutant(
                "an error that rests on an old state is reported",
                "happened, settled = decided(callers, head.experiment, self._clock(), fresh)",
                "happened, settled = decided(callers, head.experiment, self._clock(), True)",
                (_JOURNAL, "tests/unit/functions/api/test_old_state.py"),
            ),
            Mutant(
                "an entry that lost the race counts as committed",
                "            if written:\n                break\n",
                "            if written or True:\n                break\n",
            ),
            Mutant(
                "writing continues on a damaged log",
                "            if isinstance(error, Damaged):\n                self._tail.forget()\n",
                "",
                (_TAIL,),
            ),
            Mutant(
                "a command that must not be delayed waits in an inbox batch",
                "if crowded and not leads and all(may_wait(c.uid, c.commands) for c in callers):",
                "if crowded and not leads:",
                (_CROWD,),
            ),
            Mutant(
                "a command that may be in an inbox batch is reported as failed",
                "            raise CommitUnknown("
                'f"it is not known whether the change stands: {fault}") from fault\n',
                "            raise\n",
                (_CROWD,),
            ),
            Mutant(
                "an inbox batch is removed before its commands are committed",
                "            while self._follows(waiting):\n",
                "            while False:\n",
                (_CROWD,),
            ),
            Mutant(
                "inbox batches whose writers died are not looked for",
                "looks = crowded or (head.seq + 1) % LOOK_EVERY == 0",
                "looks = crowded",
                (_CROWD,),
            ),
        ),
    ),
    Source(
        "tunelet/log/group_commit.py",
        (_JOURNAL, _LIFE),
        (
            Mutant(
                "a command for a deleted experiment applies to the next of its name",
                "if caller.uid is not None and caller.uid != (state.uid if state else None):",
                "if False:",
            ),
            Mutant(
                "an error is reported on the basis of an old state",
                "if not fresh and (caller.error or not own):",
                "if not fresh and not own:",
                (_JOURNAL, "tests/unit/functions/api/test_old_state.py"),
            ),
            Mutant(
                "a command is found unnecessary on the basis of an old state",
                "if not fresh and (caller.error or not own):",
                "if not fresh and caller.error:",
                (_JOURNAL, "tests/unit/functions/api/test_old_state.py"),
            ),
            Mutant(
                "commands of a caller are committed although one is refused",
                "if caller.error is None:\n            caller.happened",
                "if True:\n            caller.happened",
            ),
        ),
    ),
    Source(
        "tunelet/log/tail.py",
        (_TAIL, _PURGE),
        (
            Mutant(
                "a writer continues from a head that was purged",
                "if self._fresh() or self.stands(self._sound):",
                "if True:",
            ),
            Mutant(
                "a writer continues from an entry written behind a purge",
                "if not self._fresh() and not self.stands(self.head.seq):",
                "if False:",
            ),
            Mutant(
                "the mark of a purge is ignored",
                "return self._purged <= seq",
                "return True",
            ),
            Mutant(
                "the time that a machine sleeps does not count",
                "return max(later.monotonic - self.monotonic, later.wall - self.wall)",
                "return later.monotonic - self.monotonic",
            ),
            Mutant(
                "an old head counts as fresh if the wall clock is set back",
                "return max(later.monotonic - self.monotonic, later.wall - self.wall)",
                "return later.wall - self.wall",
            ),
            Mutant(
                "a head counts as fresh for longer than a purge waits",
                "FRESH = 30.0",
                "FRESH = 150.0",
            ),
            Mutant(
                "a log that is being purged is reported as damaged",
                "if self.stands(mark):\n                    raise",
                "if True:\n                    raise",
            ),
            Mutant(
                "a damaged log is mistaken for one that is being purged",
                "if self.stands(mark):\n                    raise",
                "if False:\n                    raise",
                (_CHAIN, _VERIFY, _JOURNAL),
            ),
        ),
    ),
    Source(
        "tunelet/log/reader.py",
        (_CHAIN, _PURGE),
        (
            Mutant(
                "the mark of a purge moves back to an earlier tombstone",
                "elif int(stored.data) >= seq:",
                "elif int(stored.data) == seq:",
                (_TAIL, _PURGE),
            ),
            Mutant(
                "a mark overwrites one that another process wrote meanwhile",
                'done = store.replace(mark_key(path), b"%d" % seq, stored.version)',
                'done = store.put(mark_key(path), b"%d" % seq) is None',
                (_TAIL, _PURGE),
            ),
            Mutant(
                "a log without its first entries is treated as a new log",
                "if first not in (None, entry_key(path, 1)):",
                "if False:",
            ),
            Mutant(
                "a missing entry goes unnoticed",
                'raise Damaged(f"entry {seq} is missing")\n',
                "return\n",
            ),
            Mutant(
                "an entry that a purge removed is reported as missing",
                "is None and purged(store, path) <= seq:",
                "is None:",
            ),
            Mutant(
                "an entry after a gap is applied",
                "if key != entry_key(path, following):",
                "if entry_seq(key) is None:",
            ),
            Mutant(
                "events before a tombstone in the same entry are applied again",
                "entry.events[at[-1] :]",
                "entry.events",
                (_TAIL, _PURGE),
            ),
        ),
    ),
    Source(
        "tunelet/log/entry.py",
        (_CHAIN, _VERIFY, _VERSIONS),
        (
            Mutant("checksums are not verified", "if end != _SUM % _digest(body):", "if False:"),
            Mutant(
                "an entry of another log is accepted",
                "if entry.seq != seq or prev not in (None, entry.prev):",
                "if entry.seq != seq:",
            ),
            Mutant(
                "an entry with another entry's number is accepted",
                "if entry.seq != seq or prev not in (None, entry.prev):",
                "if prev not in (None, entry.prev):",
            ),
            Mutant("an entry of a newer format is read", "if written > FORMAT:", "if False:"),
            Mutant(
                "a member that this version does not know is ignored",
                "class Entry(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):",
                "class Entry(msgspec.Struct, frozen=True, omit_defaults=True):",
            ),
        ),
    ),
    Source(
        "tunelet/log/compaction.py",
        (_JOURNAL, _CHAIN),
        (
            Mutant(
                "trials of a deleted experiment belong to the next of its name",
                "segments, tombstone = (), Tombstone(entry.seq, event.at)",
                "tombstone = Tombstone(entry.seq, event.at)",
                (_SEGMENTS, _JOURNAL),
            ),
            Mutant(
                "segments grow without limit",
                "if sum(part.trials for part in last) > LARGEST:",
                "if False:",
            ),
            Mutant(
                "a snapshot that lacks a member is used",
                "    _refuse_absent(head, data, _needless(head.experiment))\n",
                "",
                (_VERSIONS,),
            ),
            Mutant(
                "trials of joined segments are not in order",
                "lines = merge_sorted(*[numbered(part) for part in parts])",
                "lines = (line for part in parts for line in numbered(part))",
                (_SEGMENTS, _JOURNAL),
            ),
        ),
    ),
    Source(
        "tunelet/log/snapshots.py",
        (_SEGMENTS, _JOURNAL),
        (
            Mutant(
                "a segment that lacks trials is used",
                "return stored.data if count == segment.trials else None",
                "return stored.data",
            ),
            Mutant(
                "a snapshot is written before its segments",
                '        """Write segments first: a snapshot names only segments that exist."""\n',
                "        self._store.put("
                "snapshot_key(self._path, closed.head.seq), encode_head(closed.head))\n",
            ),
            Mutant(
                "a snapshot of a purged log is used",
                "            if key > snapshot_key(self._path, oldest):\n                return None\n",
                "",
                (_SEGMENTS,),
            ),
            Mutant(
                "snapshots and segments of a deleted experiment are written",
                "for seq in [seq for seq in self._unsaved if seq < tombstone]:",
                "for seq in [seq for seq in self._unsaved if seq < 0]:",
                (_PURGE,),
            ),
            Mutant(
                "a snapshot whose writer died is never written",
                "if mine or self._store.get(snapshot_key(self._path, seq)) is None:",
                "if mine:",
            ),
            Mutant(
                "the newest snapshots are deleted",
                "_SNAPSHOTS_KEPT = 2",
                "_SNAPSHOTS_KEPT = 0",
            ),
        ),
    ),
    Source(
        "tunelet/log/inbox.py",
        (_CROWD,),
        (
            Mutant(
                "a command for any life can wait in an inbox batch",
                "return uid is not None and all(",
                "return all(",
            ),
            Mutant(
                "an enqueue without a key can be done twice",
                "or (isinstance(each, Enqueue) and each.key is not None)",
                "or isinstance(each, Enqueue)",
            ),
            Mutant(
                "an inbox batch of a newer format is read",
                "return batch.orders if batch.format <= FORMAT else ()",
                "return batch.orders",
                ("tests/unit/tunelet/log/test_inbox.py",),
            ),
        ),
    ),
    Source(
        "tunelet/log/markers.py",
        ("tests/unit/tunelet/log/test_markers.py",),
        (
            Mutant(
                "a marker is removed before its experiment has had time to begin",
                "            if at_rest and self._age(marker) > STALE:\n",
                "            if at_rest:\n",
            ),
            Mutant(
                "the marker of an experiment about to begin is removed",
                "        elif experiment.epoch < marker.epoch:\n            if self._age(marker) > STALE:\n",
                "        elif experiment.epoch < marker.epoch:\n            if True:\n",
            ),
            Mutant(
                "the marker of a running experiment is removed",
                "elif experiment.epoch > marker.epoch or at_rest:",
                "elif experiment.epoch >= marker.epoch or at_rest:",
            ),
            Mutant(
                "markers share a name, so a late removal removes another marker",
                'return Marker(namespace, name, uid, epoch, f"-{token_hex(4)}")',
                "return Marker(namespace, name, uid, epoch)",
            ),
        ),
    ),
    Source(
        "tunelet/log/summaries.py",
        ("tests/unit/tunelet/log/test_summaries.py",),
        (
            Mutant(
                "a list shows an experiment as it was before its newest entry",
                "if self._store.get(entry_key(path, known.seq + 1)) is not None:",
                "if False:",
            ),
            Mutant(
                "a list shows a purged experiment whose marker was left",
                "return purged(self._store, path) <= known.seq",
                "return True",
            ),
            Mutant(
                "each list reads all logs",
                "                self._kept.put(key, known, known.size)",
                "                pass",
            ),
            Mutant(
                "a list of a copied store shows a summary that is newer than its log",
                "return entry is not None and sum_of(entry.data) == note.sum",
                "return True",
            ),
            Mutant(
                "a late summary brings back the marker of a deleted experiment",
                "self._store.replace(key, data, stored.version)",
                "self._store.put(key, data)",
            ),
            Mutant(
                "a tenant's summary names another tenant's experiment",
                "mine = replace(note.summary, namespace=namespace, name=indexed.name)",
                "mine = note.summary",
            ),
        ),
    ),
    Source(
        "tunelet/log/expiry.py",
        ("tests/unit/tunelet/log/test_expiry.py",),
        (
            Mutant(
                "an experiment is deleted before its time is due",
                "if int(at) > now * 1000:",
                "if False:",
            ),
        ),
    ),
    Source(
        "tunelet/engine/tokens.py",
        ("tests/unit/tunelet/engine/test_tokens.py",),
        (
            Mutant(
                "a token is accepted for every attempt",
                "(*run, *digests)",
                "(*run[:4], *digests)",
            ),
            Mutant(
                "a token is accepted for every trial",
                "(*run, *digests)",
                "(*run[:3], run[4], *digests)",
            ),
            Mutant(
                "a token is accepted for every life of a name",
                "(*run, *digests)",
                "(*run[:2], *run[3:], *digests)",
            ),
            Mutant(
                "a token is accepted for experiments of any name",
                "(*run, *digests)",
                "(run[0], *run[2:], *digests)",
            ),
            Mutant(
                "a token is accepted for every namespace",
                "(*run, *digests)",
                "(*run[1:], *digests)",
            ),
            Mutant(
                "a token can be made without the secret",
                "self._secret, identity",
                "self._secret[:0], identity",
            ),
            Mutant(
                "the time of a comparison reveals how much of a token is right",
                "hmac.compare_digest(self.issue(run, digest).encode(), token.encode())",
                "self.issue(run, digest).encode() == token.encode()",
            ),
            Mutant(
                "any token is accepted",
                "if hmac.compare_digest(self.issue(run, digest).encode(), token.encode()):",
                "if True:",
            ),
            Mutant(
                "a token is accepted for other hyperparameters after an older copy is restored",
                "if digest and own and digest != own:",
                "if False:",
            ),
        ),
    ),
)
