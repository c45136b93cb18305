// What is asked of the app as it is shipped, in a page of it: `shipped(what, ...)`. These are the requests that the app makes,
// answered by its service worker, which has a change on the disk before it answers.

import { timed } from "./timed.js";
import { tasks } from "./workload.js";

const JSON_TYPE = "application/json";
const SYNC_TYPES = "application/cbor, application/x-partyline-deflate";
const LIVE = 100;
// How many requests are under way where nothing is measured.
const AT_ONCE = 100;

async function ask(method, path, body, headers = {}) {
  const answer = await fetch(`/peer/v1/${path}`, { method, body, headers });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}

const read = async (path) => (await ask("GET", path)).json();

const written = async (method, path, document) =>
  (await ask(method, path, JSON.stringify(document), { "content-type": JSON_TYPE, accept: JSON_TYPE })).json();

// From registering the service worker to its first answer, on an origin of which the browser has nothing.
async function start() {
  const container = navigator.serviceWorker;
  const [ms] = await timed(async () => {
    const controlled = new Promise((done) => container.addEventListener("controllerchange", done, { once: true }));
    await container.register("/sw.js", { type: "module", updateViaCache: "none" });
    await controlled;
    await read("health");
  });
  return { ms };
}

// The same where it is installed but does not run.
async function again() {
  const [ms] = await timed(() => read("health"));
  return { ms };
}

async function room() {
  const id = crypto.randomUUID();
  const bytes = String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32)));
  const secret = btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replace("=", "");
  await written("PUT", `rooms/${id}`, { secret });
  return { id, secret };
}

// Its position is given to it.
const posted = (room, { done, position, ...task }) =>
  written("POST", `rooms/${room}/tasks`, { ...task, status: done ? "done" : "open" });

async function create(room, count) {
  const list = tasks(count);
  const [ms] = await timed(async () => {
    for (const task of list) await posted(room, task);
  });
  return { ms };
}

async function fill(room, count) {
  const list = tasks(count);
  for (let at = 0; at < count; at += AT_ONCE) {
    await Promise.all(list.slice(at, at + AT_ONCE).map((task) => posted(room, task)));
  }
  return {};
}

// Everything that a room has, as it comes from another device, merged into a new room.
async function save(from, count) {
  const to = await room();
  const { device } = await read(`rooms/${from}`);
  const { device: asker } = await read(`rooms/${to.id}`);
  const chunks = [];
  for (let cursor; ; ) {
    const asked = (accept) => {
      const body = JSON.stringify({ vector: {}, cursor });
      return ask("POST", `rooms/${from}/sync`, body, { "content-type": JSON_TYPE, accept });
    };
    const answer = await asked(SYNC_TYPES);
    chunks.push([answer.headers.get("content-type"), await answer.arrayBuffer()]);
    cursor = (await (await asked(JSON_TYPE)).json()).next;
    if (cursor === undefined) break;
  }
  const [ms] = await timed(async () => {
    for (const [type, chunk] of chunks) {
      const headers = { "content-type": type, "partyline-device": device, "partyline-asker": asker };
      await ask("POST", `rooms/${to.id}/changes`, chunk, headers);
    }
  });
  await all(to.id, count);
  return { ms, chunks: chunks.length };
}

async function all(room, count) {
  const tasks = [];
  let query = "";
  do {
    const page = await read(`rooms/${room}/tasks${query}`);
    tasks.push(...page.tasks);
    query = page.next && `?next=${page.next}`;
  } while (query);
  if (tasks.length !== count) throw new Error(`${tasks.length} tasks of ${count}`);
  return tasks;
}

async function reload(room, count) {
  const [ms] = await timed(() => all(room, count));
  return { ms };
}

async function edit(room, count) {
  const list = tasks(count);
  const [ms] = await timed(async () => {
    for (let at = 0; at < LIVE; at += 1) {
      const status = at % 2 === 0 ? "doing" : "blocked";
      await written("PATCH", `rooms/${room}/tasks/${list[(at * 37) % count].id}`, { status });
    }
  });
  return { micros: (ms / LIVE) * 1_000 };
}

// From an edit to the row that shows it. The first row is in view.
async function shown(room) {
  const row = document.querySelector("[data-task]");
  const title = "Shown at once";
  const [ms] = await timed(async () => {
    const seen = new Promise((done) => {
      new MutationObserver(() => row.textContent.includes(title) && done()).observe(row, {
        childList: true,
        subtree: true,
        characterData: true,
      });
    });
    await written("PATCH", `rooms/${room}/tasks/${row.dataset.task}`, { title });
    await seen;
  });
  return { ms };
}

// Asks the service worker how large its memory is; `watched.js` has it answer that.
async function memory() {
  await read("health");
  const { port1, port2 } = new MessageChannel();
  const answered = new Promise((done) => (port1.onmessage = ({ data }) => done(data)));
  navigator.serviceWorker.controller.postMessage({ type: "memory" }, [port2]);
  return { bytes: await answered };
}

const measures = { start, again, room, create, fill, save, reload, edit, shown, memory };
window.shipped = (what, ...rest) => measures[what](...rest);
