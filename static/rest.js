// The end of the app's script: it loads the rest of the app's wasm (xtask/src/wasm_split.rs) and links it to what runs. The
// build replaces the words between double underscores, and adds `load` to what the wasm imports.

const REST = "__REST_WASM__";
let isLinked = false;

const restImports = () => ({
  ...__wbg_get_imports(),
  first: wasm,
  slots: new Proxy({}, { get: (_, slot) => wasm["__TABLE__"].get(+slot) }),
});

// For whoever opens what is in there, and before: the page does so when its first screen is drawn.
globalThis.partylineRest = async () => {
  if (isLinked) return;
  const answer = await fetch(REST, { priority: "low" });
  await WebAssembly.instantiate(await answer.arrayBuffer(), restImports());
  isLinked = true;
  navigator.serviceWorker?.controller?.postMessage({ type: "rest" });
};

// A function of the rest was called without that: the caller cannot wait. Text of this kind has a byte in each character.
function load() {
  if (isLinked) return;
  const request = new XMLHttpRequest();
  request.open("GET", REST, false);
  request.overrideMimeType("text/plain; charset=x-user-defined");
  request.send();
  const bytes = Uint8Array.from(request.responseText, (character) => character.charCodeAt(0));
  new WebAssembly.Instance(new WebAssembly.Module(bytes), restImports());
  isLinked = true;
}
