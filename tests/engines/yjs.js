import * as Y from "yjs";
import { IndexeddbPersistence } from "y-indexeddb";
import { remove } from "./storage.js";

const fill = (task) => new Y.Map(Object.entries(task));

export default {
  name: "Yjs",
  start() {},
  create(device) {
    const doc = new Y.Doc();
    doc.clientID = 1_000_000_000 + device; // as long as a random one
    return doc;
  },
  add: (doc, task) => void doc.getMap("tasks").set(task.id, fill(task)),
  addAll: (doc, tasks) => doc.transact(() => tasks.forEach((task) => doc.getMap("tasks").set(task.id, fill(task)))),
  set: (doc, id, field, value) => void doc.getMap("tasks").get(id).set(field, value),
  all: (doc) => [...doc.getMap("tasks").values()].map((task) => task.toJSON()),
  sync(from, to) {
    const has = Y.encodeStateVector(to);
    const update = Y.encodeStateAsUpdate(from, has);
    Y.applyUpdate(to, update);
    return { messages: [has, update] };
  },
  edit(from, to, id, field, value) {
    let bytes = 0;
    const send = (update) => {
      bytes += update.length;
      Y.applyUpdate(to, update);
    };
    from.on("update", send);
    this.set(from, id, field, value);
    from.off("update", send);
    return { bytes };
  },
  async save(doc, name) {
    const kept = new IndexeddbPersistence(name, doc);
    await kept.whenSynced;
    // It has asked for its write by then; another write behind it is done only after it.
    await kept.set("saved", 1);
    await kept.destroy();
  },
  async reload(name) {
    const doc = this.create(99);
    const kept = new IndexeddbPersistence(name, doc);
    await kept.whenSynced;
    await kept.destroy();
    return doc;
  },
  remove,
  free: (doc) => doc.destroy(),
};
