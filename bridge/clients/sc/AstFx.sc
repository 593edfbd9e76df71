AstFx {
	classvar <counter = 0;
	var <addr, <stamp, jobs, responders;

	*new { |host = "127.0.0.1", port = 9101|
		^super.new.init(host, port)
	}

	init { |host, port|
		addr = NetAddr(host, port);
		// Ids of one's own, so that answers find their way; others' jobs are not ours to hear of.
		stamp = "sc-%-%".format(Date.getDate.stamp, thisProcess.pid);
		jobs = IdentityDictionary.new;
		responders = [
			OSCFunc({ |msg| this.prProgress(msg[1], msg[2]) }, '/astfx/progress', addr),
			OSCFunc({ |msg| this.prEnd(msg[2], { |job|
				job[\onDone].value(msg[3].asString, msg[4], msg[5]) }) }, '/astfx/done', addr),
			OSCFunc({ |msg| this.prFail(msg[1], msg[2], msg[3].asString) }, '/astfx/fail', addr)
		].do(_.permanent_(true));
	}

	free { responders.do(_.free) }

	// The id of the new job. Settings are pairs: ['style', "rain.wav", 'strength', 0.8].
	render { |content, output, settings, onDone, onFail, onProgress|
		var id;
		counter = counter + 1;
		id = "%-%".format(stamp, counter).asSymbol;
		jobs[id] = (onDone: onDone, onFail: onFail, onProgress: onProgress);
		addr.sendMsg('/astfx/render', id, content, output, *settings.asArray);
		^id
	}

	cancel { |id| addr.sendMsg('/astfx/cancel', id) }

	set { |key, value| addr.sendMsg('/astfx/set', key, value) }

	get { |key, action| this.ask('/astfx/value', action, '/astfx/get', key) }

	ping { |action| this.ask('/astfx/pong', action, '/astfx/ping', 1) }

	presets { |action| this.ask('/astfx/presets', action, '/astfx/presets') }

	preset { |name| addr.sendMsg('/astfx/preset', name) }

	queue { |action| this.ask('/astfx/queue', action, '/astfx/queue') }

	// Any command; the action gets the arguments of the first such reply.
	ask { |reply, action ... message|
		OSCFunc({ |msg| action.value(*msg[1..]) }, reply, addr).oneShot;
		addr.sendMsg(*message);
	}

	send { |... message| addr.sendMsg(*message) }

	prProgress { |id, fraction|
		var job = jobs[id.asSymbol];
		job !? { job[\onProgress].value(fraction) };
	}

	prEnd { |id, action|
		var job = jobs.removeAt(id.asSymbol);
		job !? { action.value(job) };
	}

	prFail { |command, id, message|
		if(jobs[id.asSymbol].isNil) {
			"astfx: % % %".format(command, id, message).warn;
		} {
			this.prEnd(id, { |job|
				if(job[\onFail].notNil) { job[\onFail].value(message) } { "astfx: %".format(message).warn };
			});
		};
	}
}
