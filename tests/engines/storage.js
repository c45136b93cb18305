// One record in a database of its own: how to keep what a library gives as bytes.

const asked = (request) =>
  new Promise((done, failed) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });

async function opened(name) {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => request.result.createObjectStore("kept");
  return asked(request);
}

export async function keep(name, ...records) {
  const database = await opened(name);
  const transaction = database.transaction("kept", "readwrite", { durability: "strict" });
  records.forEach((record, at) => transaction.objectStore("kept").put(record, at));
  await new Promise((done, failed) => {
    transaction.oncomplete = done;
    transaction.onabort = () => failed(transaction.error);
  });
  database.close();
}

export async function kept(name) {
  const database = await opened(name);
  const records = await asked(database.transaction("kept").objectStore("kept").getAll());
  database.close();
  return records;
}

export const remove = (name) => asked(indexedDB.deleteDatabase(name));
