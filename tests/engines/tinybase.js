import { createMergeableStore } from "tinybase";
import { keep, kept, remove } from "./storage.js";

// It leaves the encoding to whoever sends; its own synchronizers send JSON, with a word for what is undefined.
const UNDEFINED = "\uFFFC";
const encoded = (value) =>
  new TextEncoder().encode(JSON.stringify(value, (_, part) => (part === undefined ? UNDEFINED : part)));
const decoded = (bytes) =>
  JSON.parse(new TextDecoder().decode(bytes), (_, part) => (part === UNDEFINED ? undefined : part));

export default {
  name: "TinyBase",
  start() {},
  create: (device) => createMergeableStore(`device${device}`),
  add: (store, { id, ...fields }) => void store.setRow("tasks", id, fields),
  addAll: (store, tasks) => void store.transaction(() => tasks.forEach((task) => this_add(store, task))),
  set: (store, id, field, value) => void store.setCell("tasks", id, field, value),
  all: (store) => Object.entries(store.getTable("tasks")).map(([id, fields]) => ({ id, ...fields })),
  // The questions and answers of its synchronizer: hashes of tables, then of rows, then of cells, where they differ.
  sync(from, to) {
    const messages = [];
    const sent = (value) => {
      const bytes = encoded(value);
      messages.push(bytes);
      return decoded(bytes);
    };
    const [, tables] = [0, sent(to.getMergeableTableHashes())];
    const [newTables, differing] = from.getMergeableTableDiff(tables);
    const wanted = [sent(newTables)];
    if (Object.keys(differing).length > 0) {
      const rows = sent(to.getMergeableRowHashes(sent(differing)));
      const [newRows, differingRows] = from.getMergeableRowDiff(rows);
      wanted.push(sent(newRows));
      if (Object.keys(differingRows).length > 0) {
        const cells = sent(to.getMergeableCellHashes(sent(differingRows)));
        wanted.push(sent(from.getMergeableCellDiff(cells)));
      }
    }
    to.transaction(() => wanted.forEach((part) => to.applyMergeableChanges([part, [{}, "", 0], 1])));
    return { messages };
  },
  edit(from, to, id, field, value) {
    let bytes = 0;
    const listener = from.addDidFinishTransactionListener(() => {
      const update = encoded(from.getTransactionMergeableChanges());
      bytes += update.length;
      to.applyMergeableChanges(decoded(update));
    });
    this.set(from, id, field, value);
    from.delListener(listener);
    return { bytes };
  },
  save: (store, name) => keep(name, JSON.stringify(store.getMergeableContent())),
  async reload(name) {
    const store = this.create(99);
    store.setMergeableContent(JSON.parse((await kept(name))[0]));
    return store;
  },
  remove,
  free() {},
};

const this_add = (store, { id, ...fields }) => store.setRow("tasks", id, fields);
