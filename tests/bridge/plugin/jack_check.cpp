// Sends noise through a JACK client and checks every frame that comes back.
//
//     jack_check CLIENT SECONDS LATENCY
//
// CLIENT's output must be its input, LATENCY frames late. Prints "latency L wrong W checked C xruns X".
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "jack_graph.hpp"

static std::atomic<long> sent{0}, received{0}, wrong{0}, checked{0}, first_heard{-1}, xruns{0};
static std::atomic<bool> runs{false};
static long latency = 0;
static Graph graph;

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
    float* out = static_cast<float*>(jack_port_get_buffer(graph.out[channel], n));
    for (jack_nframes_t i = 0; i < n; ++i) out[i] = now ? noise(sent.load() + i, channel) : 0.0f;
  }
  if (now) sent += n;
  return 0;
}

static int receive(jack_nframes_t n, void*) {
  if (sent.load() == 0) return 0;
  for (int channel = 0; channel < 2; ++channel) {
    const float* in = static_cast<const float*>(jack_port_get_buffer(graph.in[channel], n));
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

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  latency = atol(argv[3]);
  jack_set_xrun_callback(graph.sink, [](void*) { xruns += runs.load(); return 0; }, nullptr);
  if (const int status = open_graph(graph, argv[1], send, receive)) return status;
  runs = true;
  const long frames = atol(argv[2]) * static_cast<long>(jack_get_sample_rate(graph.source));
  while (received.load() < frames) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  std::printf("latency %ld wrong %ld checked %ld xruns %ld\n", first_heard.load() - 24000, wrong.load(),
              checked.load(), xruns.load());
  std::fflush(stdout);
  _Exit(0);
}
