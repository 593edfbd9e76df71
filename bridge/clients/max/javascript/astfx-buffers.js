// Renders a buffer~ into another, for astfx.maxpat.
//
// Inlet 1: buffers DRY WET [key value ...]. Inlet 2: every reply of the server.
// Outlets: messages to the server; buffers WET when it is filled; buffers and a failure's reason;
// the replies that are none of ours.
autowatch = 0;
inlets = 2;
outlets = 4;

var POLL_MS = 50;
var LONGEST_POLLS = 1200; // a minute
var HEADER_BYTES = 44;
var waiting = []; // renders that wait for the roots of the server
var jobs = {}; // renders by their ids
var counter = 0;

function buffers(dry, wet) {
  if (wet === undefined) {
    outlet(2, "buffers", "two names are needed: those of the content and of the result");
    return;
  }
  var source = new Buffer(dry);
  if (!(source.framecount() > 0)) {
    outlet(2, "buffers", "the buffer~ " + dry + " is empty");
    return;
  }
  counter += 1;
  waiting.push({
    id: "max-" + new Date().getTime() + "-" + counter,
    source: source,
    wet: wet,
    pairs: Array.prototype.slice.call(arguments, 2),
  });
  if (waiting.length === 1) outlet(0, "/astfx/roots");
}

// Max calls this for every message that has no function of its own, so for all OSC addresses.
function anything() {
  var words = Array.prototype.slice.call(arguments);
  if (messagename === "/astfx/roots" && waiting.length > 0) {
    var started = waiting;
    waiting = [];
    for (var i = 0; i < started.length; i++) begin(started[i], words[1]);
  } else if (messagename === "/astfx/done" && jobs[words[1]]) {
    var job = taken(words[1]);
    new Buffer(job.wet).send("replace", words[2]);
    outlet(1, "buffers", job.wet);
  } else if (messagename === "/astfx/fail" && jobs[words[1]]) {
    taken(words[1]);
    outlet(2, "buffers", words[2]);
  } else {
    outlet(3, [messagename].concat(words));
  }
}

function taken(id) {
  var job = jobs[id];
  delete jobs[id];
  return job;
}

// Writes the content beside the sounds of the server. buffer~ writes in the background.
function begin(job, root) {
  job.dryPath = root + "/astfx-" + job.id + ".wav";
  job.wetPath = root + "/astfx-" + job.id + "-wet.wav";
  job.wanted = job.source.framecount() * job.source.channelcount() * 4 + HEADER_BYTES;
  job.polls = 0;
  job.source.send("samptype", "float32");
  job.source.send("writewave", job.dryPath);
  job.task = new Task(whenWritten, this, job);
  job.task.interval = POLL_MS;
  job.task.repeat(LONGEST_POLLS + 1);
}

function whenWritten(job) {
  job.polls += 1;
  var file = new File(job.dryPath, "read");
  var written = file.isopen && file.eof >= job.wanted;
  file.close();
  if (written) {
    job.task.cancel();
    jobs[job.id] = job;
    outlet(0, ["/astfx/render", job.id, job.dryPath, job.wetPath].concat(job.pairs));
  } else if (job.polls > LONGEST_POLLS) {
    job.task.cancel();
    outlet(2, "buffers", "'" + job.dryPath + "' cannot be written");
  }
}
