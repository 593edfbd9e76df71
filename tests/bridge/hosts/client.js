// osc.js as a client: node client.js udp|tcp|ws PORT CLIP OUTPUT
const fs = require("fs");
const osc = require("osc");
const [kind, port, clip, output] = process.argv.slice(2);
const options = { metadata: false };
const client = kind === "ws"
  ? new osc.WebSocketPort({ ...options, url: `ws://127.0.0.1:${port}/` })
  : kind === "udp"
  ? new osc.UDPPort({ ...options, localAddress: "127.0.0.1", localPort: 0, remoteAddress: "127.0.0.1", remotePort: +port })
  : new osc.TCPSocketPort({ ...options, address: "127.0.0.1", port: +port });
client.on("error", (error) => { console.log("ERROR", error); process.exit(1); });
client.on("message", ({ address, args }) => {
  console.log(address, ...args.map((a) => (typeof a === "object" ? `(${a.length} bytes)` : a)));
  if (address === "/astfx/fail") process.exit(1);
  if (address === "/astfx/done") {
    if (kind !== "udp") fs.writeFileSync(output, args[2]);
    process.exit(0);
  }
});
client.on("ready", () => {
  client.send({ address: "/astfx/ping", args: [{ type: "i", value: 3 }] });
  const settings = ["style", "style.wav", "quality", "draft"];
  if (kind === "udp") {
    client.send({ address: "/astfx/render", args: ["js-udp", "content.wav", "from-js.wav", ...settings] });
  } else {
    const args = ["js-" + kind, new Uint8Array(fs.readFileSync(clip)), ...settings];
    client.send({ address: "/astfx/render/blob", args });
  }
});
client.open();
setTimeout(() => { console.log("TIMEOUT"); process.exit(1); }, 300000);
