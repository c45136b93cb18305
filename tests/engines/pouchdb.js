import PouchDB from "pouchdb/dist/pouchdb.js";

const document = ({ id, ...fields }) => ({ _id: id, ...fields });
let made = 0;

export default {
  name: "PouchDB",
  start() {},
  create: (device) => new PouchDB(`pouch-${Date.now()}-${(made += 1)}-${device}`, { auto_compaction: true }),
  add: (db, task) => db.put(document(task)),
  addAll: (db, tasks) => db.bulkDocs(tasks.map(document)),
  async set(db, id, field, value) {
    await db.put({ ...(await db.get(id)), [field]: value });
  },
  async all(db) {
    const { rows } = await db.allDocs({ include_docs: true });
    return rows.map(({ doc: { _id, _rev, ...fields } }) => ({ id: _id, ...fields }));
  },
  // What its replication asks and answers, as JSON: changes, those that are missing, and they themselves.
  async sync(from, to) {
    const messages = [];
    const sent = (value) => (messages.push(new TextEncoder().encode(JSON.stringify(value))), value);
    from.synced ??= new Map();
    const since = from.synced.get(to.name) ?? 0;
    const { results, last_seq } = sent(await from.changes({ since, style: "all_docs" }));
    const asked = Object.fromEntries(results.map(({ id, changes }) => [id, changes.map(({ rev }) => rev)]));
    const missing = sent(await to.revsDiff(asked));
    const docs = Object.entries(missing).flatMap(([id, revs]) => revs.missing.map((rev) => ({ id, rev })));
    if (docs.length > 0) {
      const got = sent(await from.bulkGet({ docs, revs: true }));
      await to.bulkDocs(got.results.flatMap((result) => result.docs.map(({ ok }) => ok)), { new_edits: false });
    }
    from.synced.set(to.name, last_seq);
    return { messages };
  },
  async edit(from, to, id, field, value) {
    await this.set(from, id, field, value);
    const doc = await from.get(id, { revs: true });
    await to.bulkDocs([doc], { new_edits: false });
    return { bytes: JSON.stringify(doc).length };
  },
  // It is on the disk all the time. Saving is writing another database.
  async save(db, name) {
    const { rows } = await db.allDocs({ include_docs: true });
    const copy = new PouchDB(name);
    await copy.bulkDocs(rows.map(({ doc }) => doc), { new_edits: false });
    await copy.close();
  },
  reload: (name) => new PouchDB(name),
  remove: (name) => new PouchDB(name).destroy(),
  free: (db) => db.destroy(),
};
