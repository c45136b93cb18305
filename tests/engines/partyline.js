// Partyline's engine, called as the others are: without service worker and connections, which `bench` measures.

import initialise, { Engine, next, plain } from "engine";

const CHUNK = 1024 * 1024;

async function through(stream, bytes) {
  const piped = new Response(bytes).body.pipeThrough(stream);
  return new Uint8Array(await new Response(piped).arrayBuffer());
}

// What the service worker does on the way: ids stay as they are, the rest is deflated.
async function deflated(answer) {
  const split = plain(answer);
  const rest = await through(new CompressionStream("deflate-raw"), answer.subarray(split));
  return { split, bytes: joined(answer.subarray(0, split), rest) };
}

async function inflated({ split, bytes }) {
  const rest = await through(new DecompressionStream("deflate-raw"), bytes.subarray(split));
  return joined(bytes.subarray(0, split), rest);
}

function joined(one, other) {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

let memory;

export default {
  name: "Partyline",
  async start() {
    // Its name is a short one by now.
    memory = Object.values(await initialise()).find((part) => part instanceof WebAssembly.Memory);
  },
  wasm: () => memory.buffer.byteLength,
  create: (device) => new Engine(device),
  add(engine, { id, title, notes, done, assignee, due, priority }) {
    engine.add(id, title, notes, done, assignee, due, priority);
  },
  addAll(engine, tasks) {
    for (const task of tasks) this.add(engine, task);
  },
  set: (engine, id, field, value) => void engine.set(id, field, `${value}`),
  all: (engine) =>
    JSON.parse(engine.all()).map(([id, title, notes, assignee, due, position, done, priority]) => {
      return { id, title, notes, assignee, due: due || null, position, done, priority };
    }),
  async sync(from, to) {
    const messages = [];
    const first = to.request(undefined, undefined);
    let request = first;
    while (request) {
      const sent = await deflated(from.answer(request, CHUNK));
      messages.push(request, sent.bytes);
      const answer = await inflated(sent);
      to.apply(answer);
      const cursor = next(answer);
      request = cursor === undefined ? undefined : to.request(first, cursor);
    }
    return { messages };
  },
  edit(from, to, id, field, value) {
    const live = from.set(id, field, `${value}`);
    to.apply(live, from.number());
    return { bytes: live.length };
  },
  save: (engine, name) => engine.save(name),
  reload: (name) => Engine.load(name),
  remove: (name) =>
    new Promise((done, failed) => {
      const request = indexedDB.deleteDatabase(name);
      request.onsuccess = () => done();
      request.onerror = () => failed(request.error);
    }),
  free: (engine) => engine.free(),
};
