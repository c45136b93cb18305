// What is measured of a library, and how: `measure(library, what, count)` in a page of its own. Which library has its turn
// when is up to whoever calls.

import { timed } from "./timed.js";
import { edits, tasks } from "./workload.js";

const MERGED = 1_000;
const LIVE = 100;

async function gzipped(messages) {
  const piped = new Blob(messages).stream().pipeThrough(new CompressionStream("gzip"));
  return (await new Response(piped).arrayBuffer()).byteLength;
}

const length = (messages) => messages.reduce((sum, message) => sum + message.byteLength, 0);

// What a library shows, in an order of its own and of its fields: only to be compared.
function shown(all) {
  const sorted = (task) => JSON.stringify(Object.entries(task).sort(([a], [b]) => (a < b ? -1 : 1)));
  return all.map(sorted).sort().join("\n");
}

async function assertSame(library, what, count, one, other) {
  const [all, copy] = [await library.all(one), await library.all(other)];
  if (all.length !== count) throw new Error(`${what}: ${all.length} tasks of ${count}`);
  if (shown(all) !== shown(copy)) throw new Error(`${what}: not the same`);
}

async function loaded(name) {
  const script = new URL(`${name}.js`, location.href).href;
  const { default: library } = await import(script);
  await library.start();
  return library;
}

async function start(name) {
  const [ms] = await timed(async () => (await loaded(name)).create(1));
  return { ms };
}

async function suite(name, count) {
  const library = await loaded(name);
  const list = tasks(count);
  const [alice, bob] = [await library.create(1), await library.create(2)];
  const result = {};

  [result.createMs] = await timed(async () => {
    for (const task of list) {
      const added = library.add(alice, task);
      if (added) await added;
    }
  });

  let messages;
  [result.syncMs, { messages }] = await timed(() => library.sync(alice, bob));
  result.syncBytes = length(messages);
  result.syncGzipBytes = await gzipped(messages);
  await assertSame(library, "sync", count, alice, bob);

  for (const [side, replica] of [alice, bob].entries()) {
    for (const { id, field, value } of edits(side, MERGED, list)) await library.set(replica, id, field, value);
  }
  let back;
  [result.mergeMs, [{ messages }, { messages: back }]] = await timed(async () => [
    await library.sync(alice, bob),
    await library.sync(bob, alice),
  ]);
  result.mergeBytes = length(messages) + length(back);
  result.mergeGzipBytes = await gzipped([...messages, ...back]);
  await assertSame(library, "merge", count, alice, bob);

  const live = Array.from({ length: LIVE }, (_, at) => [list[(at * 37) % count].id, "done", at % 2 === 0]);
  let bytes = 0;
  const [editing] = await timed(async () => {
    for (const [id, field, value] of live) bytes += (await library.edit(alice, bob, id, field, value)).bytes;
  });
  result.editBytes = bytes / LIVE;
  result.editMicros = (editing / LIVE) * 1_000;
  await assertSame(library, "live edits", count, alice, bob);

  if (library.document) result.documentBytes = library.document(alice).byteLength;
  const database = `kept-${name}-${count}-${Date.now()}`;
  [result.saveMs] = await timed(() => library.save(alice, database));
  let again;
  [result.reloadMs, again] = await timed(async () => {
    const replica = await library.reload(database);
    await library.all(replica);
    return replica;
  });
  await assertSame(library, "reload", count, alice, again);
  if (name !== "pouchdb") await library.remove(database);
  for (const replica of [alice, bob, again]) await library.free(replica);
  return result;
}

// JavaScript's heap and what hangs on it; and, where the library lets us see it, how much the memory of its WebAssembly
// grew, which Chromium does not count. (Automerge's is hidden: it takes more than is said here.)
async function memory(name, count) {
  const library = await loaded(name);
  const used = async () => (await performance.measureUserAgentSpecificMemory()).bytes + (library.wasm?.() ?? 0);
  const replica = await library.create(1);
  const before = await used();
  await library.addAll(replica, tasks(count));
  const bytes = (await used()) - before;
  if ((await library.all(replica)).length !== count) throw new Error("memory: tasks are missing");
  return { bytes };
}

async function floor(_, count) {
  const { floor } = await import("./floor.js");
  return floor(tasks(count), timed);
}

const measures = { start, suite, memory, floor };
window.measure = (library, what, count) => measures[what](library, count);
