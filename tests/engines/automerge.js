import * as Automerge from "@automerge/automerge/slim";
import { keep, kept, remove } from "./storage.js";

// Its documents are values; here each is in a box. Strings would be texts that many edit at once, which costs more: these
// are replaced as a whole, like everybody else's.
const { ImmutableString } = Automerge;
const whole = (value) => (typeof value === "string" ? new ImmutableString(value) : value);
const plain = (value) => (value instanceof ImmutableString ? value.toString() : value);
const mapped = (object, change) => Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
// Made once: it has the time of its making in it.
let begun;
const actor = (device) => device.toString(16).padStart(32, "a7");

export default {
  name: "Automerge",
  start: () => Automerge.initializeWasm("./automerge.wasm"),
  // Both begin with the same list, made by a third.
  create(device) {
    begun ??= Automerge.from({ tasks: {} }, { actor: actor(0) });
    return { doc: Automerge.clone(begun, { actor: actor(device) }) };
  },
  add(box, task) {
    box.doc = Automerge.change(box.doc, { time: 0 }, (doc) => void (doc.tasks[task.id] = mapped(task, whole)));
  },
  addAll(box, tasks) {
    box.doc = Automerge.change(box.doc, (doc) => tasks.forEach((task) => (doc.tasks[task.id] = mapped(task, whole))));
  },
  set(box, id, field, value) {
    box.doc = Automerge.change(box.doc, (doc) => void (doc.tasks[id][field] = whole(value)));
  },
  all: ({ doc }) => Object.values(doc.tasks).map((task) => mapped(task, plain)),
  sync(from, to) {
    const messages = [];
    let [ours, theirs] = [Automerge.initSyncState(), Automerge.initSyncState()];
    for (;;) {
      let asked, answer;
      [theirs, asked] = Automerge.generateSyncMessage(to.doc, theirs);
      if (asked) [from.doc, ours] = Automerge.receiveSyncMessage(from.doc, ours, asked);
      [ours, answer] = Automerge.generateSyncMessage(from.doc, ours);
      if (answer) [to.doc, theirs] = Automerge.receiveSyncMessage(to.doc, theirs, answer);
      messages.push(...[asked, answer].filter(Boolean));
      if (!asked && !answer) return { messages };
    }
  },
  edit(from, to, id, field, value) {
    this.set(from, id, field, value);
    const change = Automerge.getLastLocalChange(from.doc);
    [to.doc] = Automerge.applyChanges(to.doc, [change]);
    return { bytes: change.length };
  },
  document: ({ doc }) => Automerge.save(doc),
  save: ({ doc }, name) => keep(name, Automerge.save(doc)),
  reload: async (name) => ({ doc: Automerge.load((await kept(name))[0]) }),
  remove,
  free: ({ doc }) => Automerge.free(doc),
};
