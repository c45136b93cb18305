// The page's side of what few visits need. It is JavaScript, and no Rust, because every first visit fetches it: here it takes
// a quarter of the bytes.
//
// Reading QR codes: a button with `data-scan` in a form starts and stops the camera. What it sees is typed into the form's
// field and sent off, as a person would.
//
// Saving the tasks of a room that a test version kept: a button with `data-save`, which names the room.

const PAUSE = 80; // ms between two pictures: a person does not notice it, a battery does
const problems = {
  NotAllowedError: "The browser does not let the page use the camera. Paste the link instead.",
  reader: "The reader of codes has not been stored on this device yet. Paste the link instead.",
};
const MISSING = "No camera can be used here. Paste the link instead.";

let stop; // what ends the camera that runs

document.addEventListener("click", async ({ target }) => {
  const room = target.dataset?.save;
  if (room) {
    return import("/older.js").then((older) => older.save(room)).catch(() => {
      target.parentElement.firstElementChild.textContent = "This did not work. Open Partyline with a network, and try again.";
    });
  }
  const button = target.closest?.("button[data-scan]");
  if (!button || stop?.()) return;
  const form = button.closest("form");
  const problem = form.querySelector("[data-scan-problem]");
  problem.textContent = "";
  navigator.serviceWorker?.controller?.postMessage({ type: "later" });
  try {
    const text = await scan(button);
    const field = form.querySelector("input");
    if (!text || !field) return;
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    form.requestSubmit();
  } catch (error) {
    problem.textContent = problems[error?.name ?? error] ?? MISSING;
  }
});

// Resolves to the text of the first code that is seen, or to nothing when the person stops it or closes the dialog.
async function scan(button) {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  const video = Object.assign(document.createElement("video"), {
    className: "camera", muted: true, playsInline: true, autoplay: true, srcObject: stream,
  });
  video.setAttribute("aria-label", "What the camera sees");
  button.before(video);
  const worker = new Worker("/scan.js", { type: "module" });
  try {
    return await new Promise((found, failed) => {
      stop = () => (found(), true);
      worker.onerror = () => failed("reader");
      worker.onmessage = ({ data }) => (data ? found(data) : look());
      const look = () =>
        setTimeout(async () => {
          if (!video.isConnected) return found();
          try {
            const picture = await createImageBitmap(video);
            worker.postMessage(picture, [picture]);
          } catch {
            look(); // a camera that has no picture yet has one soon
          }
        }, PAUSE);
    });
  } finally {
    stop = undefined;
    worker.terminate();
    stream.getTracks().forEach((track) => track.stop());
    video.remove();
  }
}
