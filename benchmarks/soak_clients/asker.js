// A client of the soak test with osc.js over TCP (SLIP): node asker.js PORT FIRST COUNT LOG
const fs = require("fs");
const osc = require("osc");
const [port, first, count] = process.argv.slice(2, 5).map(Number);
const log = process.argv[5];
const waiting = Array.from({ length: count }, (_, i) => first + i);
const asked = new Map();
const queued = new Set();
let line = null, ready = false;

function connect() {
  ready = false;
  line = new osc.TCPSocketPort({ address: "127.0.0.1", port, metadata: false });
  const own = line;
  const lost = () => { if (line === own) { line = null; ready = false; } };
  line.on("ready", () => { ready = true; });
  line.on("error", lost);
  line.on("close", lost);
  line.on("message", hear);
  line.open();
}

function note(event, id, detail) {
  fs.appendFileSync(log, JSON.stringify({ time: Date.now() / 1000, id, event, detail: detail || "" }) + "\n");
}

function send(address, ...args) {
  if (!ready) return;
  const typed = args.map((a) => (typeof a === "number" ? { type: "i", value: a } : { type: "s", value: a }));
  try { line.send({ address, args: typed }); } catch (error) { line = null; ready = false; }
}

function hear({ address, args }) {
  if (address === "/astfx/queued" && asked.has(args[0])) {
    note("queued", args[0]);
    if (!queued.has(args[0]) && args[0] % 5 === 0) send("/astfx/cancel", args[0]);
    queued.add(args[0]);
  } else if (address === "/astfx/fail" && String(args[2]).includes("nothing was accepted")) {
    return; // the request is sent again
  } else if ((address === "/astfx/done" || address === "/astfx/fail") && args[0] === "/astfx/render") {
    note(address.slice(7), args[1], String(args[2]));
    asked.delete(args[1]);
  }
}

setInterval(() => {
  if (!line) connect();
  if (!ready) return;
  while (waiting.length && asked.size < 6) asked.set(waiting.shift(), 0);
  if (!waiting.length && !asked.size) process.exit(0);
  for (const [id, at] of asked) {
    if (Date.now() - at < 2000) continue;
    asked.set(id, Date.now());
    send("/astfx/render", id, "content.wav", `soak-${id}.wav`, "style", "style.wav", "quality", "draft", "iterations", 1);
    if (queued.has(id) && id % 5 === 0) send("/astfx/cancel", id);
  }
}, 50);
