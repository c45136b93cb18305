// The same tasks and edits for everybody: they follow from a seed.

function mulberry32(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const SYLLABLES = "ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu bra cle dri flo gru pla sta tre".split(" ");
const PEOPLE = ["Ada", "Ben", "Chloe", "Dmitri", "Esra", "Farid", "Greta", "Hiro"];
const DAY = 24 * 60 * 60 * 1000;

// About as many different words as people use at work: 10,000 tasks as JSON, gzip'd, are 760 kB.
const WORDS = 700;

function words(random) {
  const pick = () => SYLLABLES[Math.floor(random() * SYLLABLES.length)];
  return Array.from({ length: WORDS }, () => pick() + pick() + (random() < 0.6 ? pick() : ""));
}

function sentence(random, vocabulary, length) {
  let text = "";
  while (text.length < length) text += `${vocabulary[Math.floor(random() * vocabulary.length)]} `;
  return text.slice(0, length - 1) + ".";
}

function uuid(random) {
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16));
  hex[12] = "4";
  hex[16] = "89ab"[Math.floor(random() * 4)];
  return hex.join("").replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

const due = (random) => new Date(Date.UTC(2026, 10, 23) + Math.floor(random() * 365) * DAY).toISOString().slice(0, 10);

export function tasks(count, seed = 1) {
  const random = mulberry32(seed);
  const vocabulary = words(random);
  return Array.from({ length: count }, (_, at) => ({
    id: uuid(random),
    title: sentence(random, vocabulary, 40),
    notes: sentence(random, vocabulary, 80),
    done: random() < 0.3,
    assignee: PEOPLE[Math.floor(random() * PEOPLE.length)],
    due: due(random),
    priority: Math.floor(random() * 4),
    position: at.toString(36).padStart(6, "0"),
  }));
}

// What one side edits while the other does not hear of it: a tenth hits what the other side edits as well.
export function edits(side, count, all) {
  const shared = mulberry32(7);
  const own = mulberry32(100 + side);
  return Array.from({ length: count }, (_, at) => {
    const where = at % 10 === 0 ? shared : own;
    const { id } = all[Math.floor(where() * all.length)];
    const field = ["done", "priority", "assignee", "due"][Math.floor(where() * 4)];
    const value = {
      done: () => own() < 0.5,
      priority: () => Math.floor(own() * 4),
      assignee: () => PEOPLE[Math.floor(own() * PEOPLE.length)],
      due: () => due(own),
    }[field]();
    return { id, field, value };
  });
}
