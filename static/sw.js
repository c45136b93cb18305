// The part of the service worker that has to be JavaScript; the rest is the Rust crate `sw`, compiled to wasm.
// The build replaces the words between double underscores. All that makes a version is text in this file, because a
// browser looks for an update by comparing this one file: an equal file with another wasm behind it is no update to it.

// Page and worker run the same wasm, told apart by its `main`: what both need is fetched once, and the browser compiles one
// file. That takes a module worker, which imports what the page imports; it is kept with the worker, so works offline.
import instantiate, { activate, answer, install, tidy } from "__APP_JS__";

const SHELL = "partyline-shell-__VERSION__";
const PRECACHE = __PRECACHE__; // [{url, hash}], hash as in Subresource Integrity
const REST = __REST__; // what a page loads when its first screen is drawn
const LATER = __LATER__; // what a first visit can do without
const HEADERS = "__HEADERS__"; // what the server's headers hash to: with others, an equal file is another one
const SHELL_URLS = new Set([...PRECACHE, ...REST, ...LATER].map((file) => file.url));

// Answered by the server, also when somebody opens them as a page.
const PHONE_BOOK = /^\/(rooms|discovery\/.*|health)$/;

// A worker is stopped whenever it is idle and started again for the next event, mostly with a fetch and never again with
// an install. So the wasm is started here and not in a handler; handlers wait for it. A failed start (offline with the
// cache cleared) is forgotten, and the next event tries again.
let starting;
function ready() {
  starting ??= start().catch((error) => {
    starting = undefined;
    throw error;
  });
  return starting;
}
async function start() {
  const kept = await fromShell("__APP_WASM__");
  await instantiate({ module_or_path: kept ?? fetch("__APP_WASM__") });
}
ready().catch(() => {}); // who waits for it hears of it

// What the wasm compresses with: bytes go through a stream of the browser. No more than so many come out.
self.partylineStream = async (kind, bytes, most) => {
  const pieces = [];
  let length = 0;
  const reader = new Response(bytes).body.pipeThrough(new self[kind]("deflate-raw")).getReader();
  for (let piece; !(piece = await reader.read()).done; pieces.push(piece.value)) {
    if ((length += piece.value.length) > most) throw new RangeError("too long");
  }
  const all = new Uint8Array(length);
  for (const piece of pieces.reverse()) all.set(piece, (length -= piece.length));
  return all;
};

// A browser that cannot read its cache says so with an exception; then there is the network.
async function fromShell(url) {
  return caches.match(url, { cacheName: SHELL, ignoreVary: true }).catch(() => undefined);
}

async function keep(files) {
  const kept = await Promise.all(files.map((file) => fromShell(file.url)));
  if (kept.includes(undefined)) await ready().then(() => install(SHELL, files, HEADERS));
}

// All handlers are registered in this first run of the script: later ones would not be called for the event that the
// worker was started for.
self.addEventListener("install", (event) => {
  // No skipWaiting: a new version waits until the page asks for it, so that nobody's page changes under their hands.
  // An update is complete; who is here for the first time gets to see something first.
  const files = self.registration.active ? [...PRECACHE, ...REST] : PRECACHE;
  event.waitUntil(ready().then(() => install(SHELL, files, HEADERS)));
});

self.addEventListener("activate", (event) => {
  // The page that registered the very first version is waiting for it.
  const tidied = ready().then(() => activate(SHELL));
  event.waitUntil(tidied.catch(() => {}).then(() => self.clients.claim()));
});

self.addEventListener("message", (event) => {
  // A page that was loaded with "hard reload" is not controlled until it is claimed.
  if (event.data?.type === "claim") event.waitUntil(self.clients.claim());
  if (event.data?.type === "update") event.waitUntil(self.skipWaiting());
  // What fails is kept the next time.
  if (event.data?.type === "rest") event.waitUntil(keep(REST).catch(() => {}));
  if (event.data?.type === "later") event.waitUntil(keep([...REST, ...LATER]).catch(() => {}));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin) return;
  if (/^\/peers?\//.test(url.pathname)) {
    const answered = ready().then(() => answer(request, event.clientId));
    event.respondWith(answered.catch((error) => unavailable(error, event)));
    // Compaction comes after the answer and keeps the worker alive until it is done.
    event.waitUntil(answered.then(() => tidy()).catch(() => {}));
  } else if (request.method === "GET") {
    // The shell comes from the cache without the wasm: should that fail to start, the page is there to say so.
    const navigates = request.mode === "navigate" && !PHONE_BOOK.test(url.pathname);
    const file = SHELL_URLS.has(url.pathname) ? url.pathname : navigates ? "/" : undefined;
    if (file) event.respondWith(fromShell(file).then((kept) => kept ?? fetch(request)));
  }
});

// Whom the wasm would refuse (sw/src/boundary.rs) is refused without it, too. The headers are those of sw/src/http.rs.
function unavailable(error, { request: { mode, destination }, clientId }) {
  const problem =
    /^(cors|same-origin)$/.test(mode) && destination === "" && clientId
      ? {
          type: "urn:partyline:worker-failed",
          title: "The service worker did not start",
          status: 503,
          detail: `Partyline cannot reach its own code or storage: ${error}`,
        }
      : { type: "about:blank", title: "Forbidden", status: 403 };
  const headers = {
    "content-type": "application/problem+json",
    "cache-control": "no-store",
    "content-security-policy":
      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  };
  return new Response(JSON.stringify(problem), { status: problem.status, headers });
}
