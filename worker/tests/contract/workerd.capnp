# The worker in workerd alone, with what it needs of worker/wrangler.toml and nothing else.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "partyline", worker = .partyline)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "partyline")],
);

const partyline :Workerd.Worker = (
  modules = [
    (name = "index.js", esModule = embed "index.js"),
    (name = "./index_bg.wasm", wasm = embed "index_bg.wasm"),
  ],
  compatibilityDate = "2026-04-01",
  durableObjectNamespaces = [(className = "Room", uniqueKey = "room")],
  durableObjectStorage = (inMemory = void),
  bindings = [
    (name = "ROOMS", durableObjectNamespace = "Room"),
    (name = "LISTING_TTL_S", text = "@TTL@"),
  ],
);
