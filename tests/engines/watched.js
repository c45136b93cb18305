// Put before the service worker's script: has it tell, when it is asked, how large the memory of its wasm is.
let grown;
for (const name of ["instantiate", "instantiateStreaming"]) {
  const make = WebAssembly[name];
  WebAssembly[name] = async (...given) => {
    const made = await make.apply(WebAssembly, given);
    grown = Object.values((made.instance ?? made).exports).find((part) => part instanceof WebAssembly.Memory);
    return made;
  };
}
self.addEventListener("message", ({ data, ports }) => {
  if (data?.type === "memory") ports[0].postMessage(grown.buffer.byteLength);
});
