import initialise, { LoroDoc, LoroMap } from "loro-crdt/web";
import { keep, kept, remove } from "./storage.js";

let memory;

function put(doc, task) {
  const map = doc.getMap("tasks").setContainer(task.id, new LoroMap());
  for (const [field, value] of Object.entries(task)) map.set(field, value);
}

export default {
  name: "Loro",
  async start() {
    ({ memory } = await initialise("./loro.wasm"));
  },
  wasm: () => memory.buffer.byteLength,
  create(device) {
    const doc = new LoroDoc();
    doc.setPeerId(BigInt(7_000_000_000_000_000_000n) + BigInt(device));
    return doc;
  },
  add(doc, task) {
    put(doc, task);
    doc.commit();
  },
  addAll(doc, tasks) {
    for (const task of tasks) put(doc, task);
    doc.commit();
  },
  set(doc, id, field, value) {
    doc.getMap("tasks").get(id).set(field, value);
    doc.commit();
  },
  all: (doc) => Object.values(doc.getMap("tasks").toJSON()),
  sync(from, to) {
    const has = to.version();
    const update = from.export({ mode: "update", from: has });
    to.import(update);
    return { messages: [has.encode(), update] };
  },
  edit(from, to, id, field, value) {
    const before = from.version();
    this.set(from, id, field, value);
    const update = from.export({ mode: "update", from: before });
    to.import(update);
    return { bytes: update.length };
  },
  save: (doc, name) => keep(name, doc.export({ mode: "snapshot" })),
  async reload(name) {
    const doc = this.create(99);
    doc.import((await kept(name))[0]);
    return doc;
  },
  remove,
  free: (doc) => doc.free(),
};
