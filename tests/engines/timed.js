// How many milliseconds something takes, and what comes of it.
export async function timed(body) {
  const begin = performance.now();
  const result = await body();
  return [performance.now() - begin, result];
}
