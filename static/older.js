// Saves the tasks of a room that was kept by a test version of Partyline, in format 1, as a file of JSON. The page imports it
// when somebody asks for that; what reads the format is in the wasm that few visits need, `app/scan`.

import start, { Older } from "__SCAN_JS__";

const answer = (request) =>
  new Promise((answered, failed) => {
    request.onsuccess = () => answered(request.result);
    request.onerror = () => failed(request.error);
  });

export async function save(room) {
  await start({ module_or_path: "__SCAN_WASM__" });
  const older = new Older();
  const database = await answer(indexedDB.open("partyline"));
  try {
    const stores = database.transaction(["pages", "log"]);
    // Keys are the room and a number; that of the manifest is below 0, and an array is above all numbers.
    const parts = IDBKeyRange.bound([room, 0], [room, []]);
    const all = ["pages", "log"].map((store) => answer(stores.objectStore(store).getAll(parts)));
    const [pages, log] = await Promise.all(all);
    for (const page of pages) older.add_page(page);
    for (const record of log) older.add_record(record);
  } finally {
    database.close();
  }
  const moments = (field, value) => (field.endsWith("At") && value !== null ? new Date(value).toISOString() : value);
  const text = JSON.stringify(JSON.parse(older.tasks(), moments), null, 2);
  const file = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  Object.assign(document.createElement("a"), { href: file, download: "partyline-tasks.json" }).click();
  // The browser has begun to read it, or does so soon.
  setTimeout(() => URL.revokeObjectURL(file), 60_000);
}
