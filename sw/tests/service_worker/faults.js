// Faults in the browser's own IndexedDB, in those databases that a test names. Nothing waits for a clock: what is slow is
// slow for a number of turns, or until the test lets it go on.
self.faults ??= (() => {
  const real = {
    open: IDBFactory.prototype.open,
    begin: IDBDatabase.prototype.transaction,
    commit: IDBTransaction.prototype.commit,
    store: IDBTransaction.prototype.objectStore,
    setTimeout: self.setTimeout,
  };
  const faults = new Map(); // by the name of the database
  const of = (name) => faults.get(name) ?? faults.set(name, { openings: [] }).get(name);

  // The first of these events.
  const heard = (target, ...types) =>
    new Promise((resolve) => {
      for (const type of types) target.addEventListener(type, () => resolve(type), { once: true });
    });

  // Keeps a transaction going by one request after the other, until it is told that it is over.
  const spin = (transaction, isOver, then) => {
    const store = real.store.call(transaction, transaction.objectStoreNames[0]);
    let turn = 0;
    const next = () => {
      if (isOver(turn++)) return then();
      try {
        store.get(0).onsuccess = next;
      } catch {} // committed or aborted meanwhile
    };
    next();
  };

  IDBFactory.prototype.open = function (name, version) {
    const fault = faults.get(name);
    const request = real.open.call(this, name, version && (fault?.layout ?? version));
    if (version && fault) {
      fault.asked = (fault.asked ?? 0) + 1;
      for (const hear of fault.openings.splice(0)) hear(request);
    }
    return request;
  };

  // What becomes of a transaction. Most come to a good end, or nothing would ever be written.
  const FATES = {
    readonly: ["ok", "ok", "ok", "ok", "ok", "ok", "before", "middle", "slow"],
    readwrite: ["ok", "ok", "ok", "ok", "before", "middle", "end", "quota", "slow"],
  };
  const full = () => new DOMException("full", "QuotaExceededError");

  IDBDatabase.prototype.transaction = function (stores, mode, options) {
    const fault = faults.get(this.name);
    const below = fault?.below;
    if (!below) return real.begin.call(this, stores, mode, options);
    const fate = FATES[mode][below(FATES[mode].length)];
    const coin = below(2);
    const count = () => (fault.counts[`${mode} ${fate}`] = (fault.counts[`${mode} ${fate}`] ?? 0) + 1);
    if (fate === "before" && coin) {
      count();
      throw new DOMException("no transaction", "UnknownError");
    }
    const transaction = real.begin.call(this, stores, mode, options);
    if (fate === "before") {
      count();
      transaction.abort();
    } else if (fate === "middle") {
      const turns = 1 + below(4);
      const abort = () => {
        try {
          transaction.abort();
          count();
        } catch {} // committed first
      };
      spin(transaction, (turn) => turn === turns, abort);
    } else if (fate === "end") {
      transaction.commit = () => {
        count();
        transaction.abort();
      };
    } else if (fate === "quota" && coin) {
      transaction.objectStore = (name) => {
        const store = real.store.call(transaction, name);
        store.put = () => {
          count();
          throw full();
        };
        return store;
      };
    } else if (fate === "quota") {
      transaction.commit = () => {
        count();
        Object.defineProperty(transaction, "error", { get: full });
        transaction.abort();
      };
    } else if (fate === "slow") {
      const turns = 1 + below(20);
      count();
      spin(transaction, (turn) => turn === turns, () => {});
      transaction.commit = () => spin(transaction, (turn) => turn === turns, () => real.commit.call(transaction));
    } else count();
    return transaction;
  };

  IDBTransaction.prototype.commit = function () {
    const held = faults.get(this.db.name)?.held;
    if (!held) return real.commit.call(this);
    let isFree = false;
    const free = () => {
      isFree = true;
    };
    held.all.push(free);
    // Some turns first: whoever takes what is written for what is kept gives himself away in them.
    const isOver = (turn) => {
      if (turn === 4) held.taker ? held.taker(free) : held.ready.push(free);
      return isFree;
    };
    spin(this, isOver, () => real.commit.call(this));
  };

  return {
    heard,

    // From now on this is the layout that the application wants; without one, it is its own.
    layout(name, version) {
      of(name).layout = version;
    },
    // The first of these events of the next opening.
    opening(name, ...types) {
      return new Promise((resolve) => of(name).openings.push((request) => resolve(heard(request, ...types))));
    },
    // How often a worker asked to open the database.
    asked(name) {
      return of(name).asked;
    },
    remove(name) {
      return indexedDB.deleteDatabase(name);
    },
    // A connection that gives way to nobody.
    async hold(name) {
      const request = real.open.call(indexedDB, name);
      await heard(request, "success");
      return request.result;
    },
    // That the connections were asked to give way, seen by one more that does.
    async witness(name) {
      const database = await this.hold(name);
      const asked = heard(database, "versionchange");
      database.addEventListener("versionchange", () => database.close());
      return { asked };
    },
    // A transaction over all of the database, until it is freed.
    async occupy(name) {
      const database = await this.hold(name);
      const transaction = real.begin.call(database, database.objectStoreNames, "readwrite");
      let isFree = false;
      await new Promise((resolve) => {
        const isOver = (turn) => {
          if (turn === 1) resolve();
          return isFree;
        };
        spin(transaction, isOver, () => database.close());
      });
      return () => {
        isFree = true;
      };
    },

    // Every commit waits until it is freed.
    holdCommits(name) {
      of(name).held = { ready: [], all: [], taker: undefined };
    },
    // The next commit that waits.
    heldCommit(name) {
      const { held } = of(name);
      if (held.ready.length) return held.ready.shift();
      return new Promise((resolve) => {
        held.taker = (free) => {
          held.taker = undefined;
          resolve(free);
        };
      });
    },
    freeCommits(name) {
      for (const free of of(name).held.all) free();
      of(name).held = undefined;
    },

    // Long timers end when the test says so.
    holdTimers() {
      this.timers = [];
      self.setTimeout = (handler, ms, ...rest) =>
        ms < 1000 ? real.setTimeout.call(self, handler, ms, ...rest) : this.timers.push(handler);
    },
    endTimers() {
      self.setTimeout = real.setTimeout;
      for (const handler of this.timers.splice(0)) handler();
    },

    // Every transaction has a fate that follows from the seed.
    plan(name, seed) {
      const fault = of(name);
      fault.counts ??= {};
      fault.below = (most) => {
        // mulberry32
        seed = (seed + 0x6d2b79f5) | 0;
        let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) % most;
      };
    },
    calm(name) {
      of(name).below = undefined;
    },
    counts(name) {
      return Object.entries(of(name).counts).map(([fate, count]) => `${fate}: ${count}`).sort().join(", ");
    },
  };
})();
