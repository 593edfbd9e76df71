// Sends noise through a JACK client and checks every frame that comes back.
//
//     jack_check CLIENT SECONDS LATENCY
//
// CLIENT's output must be its input, LATENCY frames late. Prints "latency L wrong W checked C xruns X".
#include <jack/jack.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

static std::atomic<long> sent{0}, received{0}, wrong{0}, checked{0}, first_heard{-1}, xruns{0};
static std::atomic<bool> runs{false};
static long latency = 0;
static jack_port_t* out_ports[2];
static jack_port_t* in_ports[2];

// The noise at a time, which begins with silence and an impulse.
static float noise(long time, int channel) {
  if (time < 48000) return time == 24000 ? 0.9f : 0.0f;
  uint64_t x = static_cast<uint64_t>(time) * 2 + static_cast<uint64_t>(channel);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return static_cast<float>((x ^ (x >> 31)) >> 40) / (1 << 24) - 0.5f;
}

static int send(jack_nframes_t n, void*) {
  const bool now = runs.load();
  for (int channel = 0; channel < 2; ++channel) {
    float* out = static_cast<float*>(jack_port_get_buffer(out_ports[channel], n));
    for (jack_nframes_t i = 0; i < n; ++i) out[i] = now ? noise(sent.load() + i, channel) : 0.0f;
  }
  if (now) sent += n;
  return 0;
}

static int receive(jack_nframes_t n, void*) {
  if (sent.load() == 0) return 0;
  for (int channel = 0; channel < 2; ++channel) {
    const float* in = static_cast<const float*>(jack_port_get_buffer(in_ports[channel], n));
    for (jack_nframes_t i = 0; i < n; ++i) {
      const long time = received.load() + static_cast<long>(i);
      if (in[i] != 0.0f && first_heard < 0) first_heard = time;
      if (time < latency) continue;
      if (in[i] != noise(time - latency, channel)) ++wrong;
      ++checked;
    }
  }
  received += n;
  return 0;
}

// Ports can be connected when their client has been activated.
static bool connect(jack_client_t* client, const std::string& from, const std::string& to) {
  for (int turn = 0; turn < 100; ++turn) {
    if (jack_connect(client, from.c_str(), to.c_str()) == 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  latency = atol(argv[3]);
  jack_client_t* source = jack_client_open("source", JackNoStartServer, nullptr);
  jack_client_t* sink = jack_client_open("sink", JackNoStartServer, nullptr);
  if (source == nullptr || sink == nullptr) return 3;
  for (int channel = 0; channel < 2; ++channel) {
    const std::string name = std::to_string(channel);
    out_ports[channel] =
        jack_port_register(source, name.c_str(), JACK_DEFAULT_AUDIO_TYPE, JackPortIsOutput, 0);
    in_ports[channel] =
        jack_port_register(sink, name.c_str(), JACK_DEFAULT_AUDIO_TYPE, JackPortIsInput, 0);
  }
  jack_set_process_callback(source, send, nullptr);
  jack_set_process_callback(sink, receive, nullptr);
  jack_set_xrun_callback(sink, [](void*) { xruns += runs.load(); return 0; }, nullptr);
  if (jack_activate(source) != 0 || jack_activate(sink) != 0) return 3;
  const std::string pattern = std::string(argv[1]) + ":";
  std::vector<std::string> ins, outs;
  for (int turn = 0; turn < 300 && (ins.size() < 2 || outs.size() < 2); ++turn) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    ins.clear();
    outs.clear();
    for (int is_output = 0; is_output < 2; ++is_output) {
      const char** ports = jack_get_ports(source, pattern.c_str(), JACK_DEFAULT_AUDIO_TYPE,
                                          is_output ? JackPortIsOutput : JackPortIsInput);
      for (int i = 0; ports != nullptr && ports[i] != nullptr; ++i)
        (is_output ? outs : ins).push_back(ports[i]);
      jack_free(ports);
    }
  }
  if (ins.size() < 2 || outs.size() < 2) return 4;
  for (int channel = 0; channel < 2; ++channel) {
    const std::string name = std::to_string(channel);
    if (!connect(source, "source:" + name, ins[channel])) return 5;
    if (!connect(source, outs[channel], "sink:" + name)) return 5;
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(1000));  // until the order is settled
  runs = true;
  const long frames = atol(argv[2]) * static_cast<long>(jack_get_sample_rate(source));
  while (received.load() < frames) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  std::printf("latency %ld wrong %ld checked %ld xruns %ld\n", first_heard.load() - 24000, wrong.load(),
              checked.load(), xruns.load());
  std::fflush(stdout);
  _Exit(0);
}
