// Makes a folder that a browser can load: `node bundle.mjs --modules NODE_MODULES FOLDER`. Each library becomes one script,
// with its wasm beside it. How large each is goes to sizes.json.

import { createRequire } from "node:module";
import { copyFileSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";

const [, , , modules, folder] = process.argv;
const here = dirname(fileURLToPath(import.meta.url));
const { build } = createRequire(join(modules, "package.json"))("esbuild");

const options = {
  bundle: true,
  format: "esm",
  minify: true,
  target: "es2022",
  platform: "browser",
  nodePaths: [modules],
  logLevel: "warning",
};

// Some come with wasm, which they fetch.
const wasm = {
  partyline: join(folder, "engine_bg.wasm"),
  automerge: join(modules, "@automerge/automerge/dist/automerge.wasm"),
  loro: join(modules, "loro-crdt/web/loro_wasm_bg.wasm"),
};

const sizes = {};
for (const name of ["partyline", "yjs", "automerge", "loro", "tinybase", "pouchdb"]) {
  const into = join(folder, "out", name);
  rmSync(into, { recursive: true, force: true });
  await build({
    ...options,
    entryPoints: [join(here, `${name}.js`)],
    outfile: join(into, `${name}.js`),
    alias: { engine: join(folder, "engine.js") },
  });
  const files = readdirSync(into).map((file) => join(into, file));
  if (wasm[name]) {
    const file = join(into, name === "partyline" ? "engine_bg.wasm" : `${name}.wasm`);
    copyFileSync(wasm[name], file);
    files.push(file);
  }
  sizes[name] = {
    bytes: files.reduce((sum, file) => sum + statSync(file).size, 0),
    brotli: files.reduce((sum, file) => sum + brotliCompressSync(readFileSync(file)).length, 0),
  };
  for (const file of files) copyFileSync(file, join(folder, file.slice(into.length + 1)));
}
for (const name of ["bench", "floor"]) {
  const external = ["./floor.js"];
  await build({ ...options, entryPoints: [join(here, `${name}.js`)], outfile: join(folder, `${name}.js`), external });
}
// Not a module: it is put into pages of the app.
const put = { entryPoints: [join(here, "shipped.js")], outfile: join(folder, "shipped.js"), format: "iife" };
await build({ ...options, ...put });
copyFileSync(join(here, "index.html"), join(folder, "index.html"));
writeFileSync(join(folder, "sizes.json"), JSON.stringify(sizes, null, 2));
