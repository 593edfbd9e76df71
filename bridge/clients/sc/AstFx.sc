// Talks to `astfx serve`. Every message goes out in a bundle between two pings with a token of its
// own. The server handles the messages of one sender in their order, so what comes back between the
// two pongs answers this message and no other, whoever else sends from this sclang.
AstFx {
	classvar <counter = 0;
	var <addr, <stamp, jobs, pending, asked, responders;

	*new { |host = "127.0.0.1", port = 9101|
		^super.new.init(host, port)
	}

	init { |host, port|
		addr = NetAddr(host, port);
		counter = counter + 1;
		// Ids that no other instance has, in this sclang or another.
		stamp = "sc-%-%-%".format(Date.getDate.stamp, thisProcess.pid, counter);
		jobs = IdentityDictionary.new;
		pending = IdentityDictionary.new;
		responders = [
			OSCFunc({ |msg| this.prPong(msg[1]) }, '/astfx/pong', addr),
			OSCFunc({ |msg| this.prProgress(msg[1], msg[2]) }, '/astfx/progress', addr),
			OSCFunc({ |msg| this.prEnd(msg[2], { |job|
				job[\onDone].value(msg[3].asString, msg[4], msg[5]) }) }, '/astfx/done', addr),
			OSCFunc({ |msg| this.prFail(msg[1], msg[2], msg[3].asString) }, '/astfx/fail', addr)
		] ++ ['/astfx/value', '/astfx/presets', '/astfx/roots', '/astfx/queue', '/astfx/status', '/astfx/version',
			'/astfx/job/value', '/astfx/cancelled', '/astfx/forgotten', '/astfx/notified',
			'/astfx/replying', '/astfx/synced', '/astfx/stem', '/astfx/queued', '/astfx/job'
		].collect { |reply| OSCFunc({ |msg| this.prReply(msg) }, reply, addr) };
		responders.do(_.permanent_(true));
	}

	free { responders.do(_.free) }

	// The id of the new job. Settings are pairs: ['style', "rain.wav", 'strength', 0.8].
	render { |content, output, settings, onDone, onFail, onProgress|
		var id;
		counter = counter + 1;
		id = "%-%".format(stamp, counter).asSymbol;
		jobs[id] = (onDone: onDone, onFail: onFail, onProgress: onProgress);
		this.send('/astfx/render', id, content, output, *settings.asArray);
		^id
	}

	// Renders a Buffer into a new one. scsynth and `astfx serve` must run on the same machine.
	renderBuffer { |buffer, settings, onDone, onFail, onProgress|
		this.prWithFiles({ |content, output|
			forkIfNeeded {
				buffer.write(content, "wav", "float");
				buffer.server.sync;
				this.render(content, output, settings, { |path|
					Buffer.read(buffer.server, path, action: { |result|
						this.prDelete(content, output);
						onDone.value(result);
					});
				}, { |message| this.prDelete(content, output); this.prWarn(onFail, message) },
				onProgress);
			};
		});
	}

	// Renders an array of samples, interleaved if there are several channels, into a FloatArray.
	renderArray { |samples, sampleRate = 44100, numChannels = 1, settings, onDone, onFail, onProgress|
		this.prWithFiles({ |content, output|
			var file = SoundFile.new.headerFormat_("WAV").sampleFormat_("float")
				.sampleRate_(sampleRate).numChannels_(numChannels);
			if(file.openWrite(content)) {
				file.writeData(samples.as(FloatArray));
				file.close;
				this.render(content, output, settings, { |path|
					var wet = SoundFile.openRead(path), data = FloatArray.newClear(wet.numFrames * wet.numChannels);
					wet.readData(data);
					wet.close;
					this.prDelete(content, output);
					onDone.value(data, wet.sampleRate, wet.numChannels);
				}, { |message| this.prDelete(content, output); this.prWarn(onFail, message) },
				onProgress);
			} {
				this.prWarn(onFail, "'%' cannot be written".format(content));
			};
		});
	}

	// The action gets the paths of two new files under the server's first root.
	prWithFiles { |action|
		var name;
		counter = counter + 1;
		name = "astfx-%-%".format(stamp, counter);
		this.ask('/astfx/roots', { |count, root|
			action.value(root.asString +/+ name ++ ".wav", root.asString +/+ name ++ "-wet.wav")
		}, '/astfx/roots');
	}

	prDelete { |... paths| paths.do { |path| if(File.exists(path)) { File.delete(path) } } }

	prWarn { |onFail, message|
		if(onFail.notNil) { onFail.value(message) } { "astfx: %".format(message).warn };
	}

	cancel { |id| this.send('/astfx/cancel', id) }

	set { |key, value| this.send('/astfx/set', key, value) }

	get { |key, action| this.ask('/astfx/value', action, '/astfx/get', key) }

	ping { |action| this.ask('/astfx/pong', action, '/astfx/ping', 1) }

	presets { |action| this.ask('/astfx/presets', action, '/astfx/presets') }

	preset { |name| this.send('/astfx/preset', name) }

	queue { |action| this.ask('/astfx/queue', action, '/astfx/queue') }

	// Any command; the action gets the arguments of its first such reply.
	ask { |reply, action ... message|
		this.prSend(message, (reply: reply.asSymbol, action: action, key: this.prKey(message)))
	}

	send { |... message| this.prSend(message, ()) }

	prSend { |message, question|
		var token;
		counter = counter + 1;
		token = "%-%".format(stamp, counter).asSymbol;
		question[\command] = message[0].asSymbol;
		pending[token] = question;
		// Questions that the server did not answer are forgotten.
		SystemClock.sched(60, { pending.removeAt(token); nil });
		addr.sendBundle(nil, ['/astfx/ping', token], message, ['/astfx/ping', token]);
	}

	// The key that the replies to a message name, nil if they name none.
	prKey { |message|
		^if(['/astfx/get', '/astfx/set'].includes(message[0].asSymbol)) { message[1] !? (_.asSymbol) }
	}

	// The first pong of a token begins the answer to its question, and the second ends it.
	prPong { |token|
		var question;
		if(token.isKindOf(Symbol) and: { pending[token].notNil }) {
			if(asked.isNil or: { asked[\token] != token }) {
				asked = pending[token];
				asked[\token] = token;
			} {
				pending.removeAt(token);
				asked = nil;
			};
		} {
			this.prReply(['/astfx/pong', token]);
		};
	}

	prReply { |msg|
		var action;
		if(asked.notNil and: { asked[\reply] == msg[0] }
			and: { asked[\key].isNil or: { asked[\key] == msg[1] } }) {
			action = asked[\action];
			asked[\reply] = nil;
			action.value(*msg[1..]);
		};
	}

	prProgress { |id, fraction|
		var job = jobs[id.asSymbol];
		job !? { job[\onProgress].value(fraction) };
	}

	prEnd { |id, action|
		var job = jobs.removeAt(id.asSymbol);
		job !? { action.value(job) };
	}

	prFail { |command, id, message|
		if(jobs[id.asSymbol].notNil) {
			this.prEnd(id, { |job| this.prWarn(job[\onFail], message) });
		} {
			if(asked.notNil and: { asked[\command] == command }) {
				asked[\reply] = nil;
				"astfx: % % %".format(command, id, message).warn;
			};
		};
	}
}
