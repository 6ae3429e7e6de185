// The trials of the table as a file: those that the filter keeps, in the table's order.

import { useState } from "preact/hooks";
import type { Followed } from "../data/follow";
import { count } from "../format";
import { Dialog } from "../parts/dialog";
import type { Order } from "../route";
import { tunelet } from "./command";
import { csv } from "./csv";
import { save } from "./save";
import { ordered, type Column } from "./table";

export function Download({ followed, rows, columns, order }: { followed: Followed; rows: Int32Array; columns: readonly Column[]; order: Order }) {
  const [open, setOpen] = useState(false);
  const { trials, experiment } = followed;
  const { name, namespace, spec } = experiment;
  const write = async () => {
    const column = columns.find((each) => each.id === order.id) ?? columns[0];
    const sorted = column ? ordered(rows, column.at, order.descending) : rows;
    save(new Blob(csv(trials, spec, sorted), { type: "text/csv;charset=utf-8" }), `${name}.csv`);
  };
  return (
    <>
      <button type="button" class="plain" title="Download the trials of the table as CSV" disabled={rows.length === 0 || !followed.whole} onClick={() => setOpen(true)}>CSV…</button>
      {open && (
        <Dialog title="Download as CSV" verb="Download" command={tunelet(namespace, "export", name, "-o", `${name}.csv`)} act={write} close={() => setOpen(false)}>
          <p>{count(rows.length, "trial")} of the table, in its order, with all hyperparameters and values. The command writes all trials, and with <code>--reports</code> their reports.</p>
        </Dialog>
      )}
    </>
  );
}
