// A worker that reads QR codes, so that the page stays quick while the camera looks for one. It has no more to say than
// what stands in a picture; all that follows from that is the page's business.

// Where the browser can do it, it does. (An empty list of formats stands for one that has the class and no reader.)
const formats = (await self.BarcodeDetector?.getSupportedFormats().catch(() => [])) ?? [];
const detector = formats.includes("qr_code") ? new BarcodeDetector({ formats: ["qr_code"] }) : undefined;

// The rest is the Rust crate `app/scan`, compiled to wasm: fetched when it is needed, and kept by the service worker.
const read = detector ? undefined : await import("__SCAN_JS__").then(async (scan) => {
  await scan.default({ module_or_path: "__SCAN_WASM__" });
  return scan.read;
});

// Larger pictures take longer and are not read better: a code fills most of the picture.
const MOST = 1000;

self.onmessage = async ({ data: bitmap }) => {
  let text;
  try {
    text = detector ? (await detector.detect(bitmap))[0]?.rawValue : read(...pixels(bitmap));
  } catch {
    // One picture less.
  }
  bitmap.close();
  self.postMessage(text ?? "");
};

// The page waits for this before it sends the first picture: what is sent to a module before it listens is lost.
self.postMessage("");

function pixels(bitmap) {
  const scale = Math.min(1, MOST / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0, width, height);
  return [context.getImageData(0, 0, width, height).data, width];
}
