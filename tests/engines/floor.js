// What no library can be faster than, or only by doing less: the browser's own means.

import { keep, kept, remove } from "./storage.js";

const through = async (bytes, stream) =>
  new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());

const MESSAGE = 16 * 1024;

async function overChannel(bytes) {
  const [one, other] = [new RTCPeerConnection(), new RTCPeerConnection()];
  one.onicecandidate = ({ candidate }) => other.addIceCandidate(candidate ?? undefined);
  other.onicecandidate = ({ candidate }) => one.addIceCandidate(candidate ?? undefined);
  const sender = one.createDataChannel("floor", { negotiated: true, id: 0 });
  const receiver = other.createDataChannel("floor", { negotiated: true, id: 0 });
  await one.setLocalDescription();
  await other.setRemoteDescription(one.localDescription);
  await other.setLocalDescription();
  await one.setRemoteDescription(other.localDescription);
  await new Promise((open) => (sender.onopen = open));
  const begin = performance.now();
  const arrived = new Promise((done) => {
    let left = bytes.length;
    receiver.onmessage = ({ data }) => (left -= data.byteLength ?? data.size) <= 0 && done();
  });
  for (let at = 0; at < bytes.length; at += MESSAGE) sender.send(bytes.subarray(at, at + MESSAGE));
  await arrived;
  const ms = performance.now() - begin;
  one.close();
  other.close();
  return ms;
}

export async function floor(tasks, timed) {
  const result = {};
  const [jsonMs, text] = await timed(() => {
    const text = JSON.stringify(tasks);
    JSON.parse(text);
    return text;
  });
  result["JSON, ms there and back"] = jsonMs;
  const bytes = new TextEncoder().encode(text);
  result["JSON, bytes"] = bytes.length;
  const [gzipMs, small] = await timed(async () => {
    const small = await through(new TextEncoder().encode(JSON.stringify(tasks)), new CompressionStream("gzip"));
    JSON.parse(new TextDecoder().decode(await through(small, new DecompressionStream("gzip"))));
    return small;
  });
  result["gzip'd JSON, ms there and back"] = gzipMs;
  result["gzip'd JSON, bytes"] = small.length;
  for (const [what, records] of [["a record a task", tasks], ["one record", [bytes]]]) {
    const name = `floor-${Date.now()}-${what}`;
    [result[`IndexedDB, ${what}, strict put, ms`]] = await timed(() => keep(name, ...records));
    [result[`IndexedDB, ${what}, getAll, ms`]] = await timed(() => kept(name));
    await remove(name);
  }
  result["data channel, gzip'd JSON, ms"] = await overChannel(small);
  return result;
}
