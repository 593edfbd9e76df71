// Runs astfx-buffers.js with stand-ins for what Max gives it, and prints what it sends.
const fs = require("fs");
const vm = require("vm");
const files = {};
const tasks = [];
const sent = [];
class Buffer {
  constructor(name) { this.name = name; }
  framecount() { return this.name === "empty" ? 0 : 100; }
  channelcount() { return 2; }
  send(...words) {
    sent.push(["buffer~", this.name, ...words]);
    if (words[0] === "writewave") files[words[1]] = 0;
  }
}
class File {
  constructor(path) { this.isopen = path in files; this.eof = files[path]; }
  close() {}
}
class Task {
  constructor(run, self, job) { this.run = () => run(job); this.on = false; tasks.push(this); }
  repeat() { this.on = true; }
  cancel() { this.on = false; }
}
const max = { Buffer, File, Task, Date: class { getTime() { return 7; } },
  outlet: (number, ...words) => sent.push([number + 1, ...words.flat()]) };
vm.createContext(max);
vm.runInContext(fs.readFileSync(process.argv[2], "utf8"), max);
const reply = (name, ...words) => { max.messagename = name; max.anything(...words); };
const tick = () => tasks.filter((task) => task.on).forEach((task) => task.run());
max.buffers("dry");
max.buffers("empty", "wet");
max.buffers("dry", "wet", "style", "rain", "strength", 0.5);
max.buffers("other", "wet2");
reply("/astfx/roots", 1, "/r");
tick();
for (const path of Object.keys(files)) files[path] = 844;
tick();
tick();
reply("/astfx/queued", "max-7-1");
reply("/astfx/done", "/astfx/render", "max-7-1", "/r/out.wav", 44100, 100);
reply("/astfx/fail", "/astfx/render", "max-7-2", "why");
reply("/astfx/done", "/astfx/render", 5, "/r/x.wav", 44100, 100);
reply("/astfx/roots", 1, "/r");
sent.forEach((line) => console.log(line.join(" ")));
