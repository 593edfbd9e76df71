// Sends a tone through a JACK client and records what comes back, until its input is closed.
//
//     jack_record CLIENT FILE
//
// Prints "runs" when the tone begins, and writes the first channel as float32.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "jack_graph.hpp"

static constexpr size_t kMostFrames = 900 * 48000;
static Graph graph;
static std::atomic<bool> runs{false}, has_sent{false};
static std::vector<float> recorded;
static long sent = 0;
static std::atomic<size_t> received{0};

static int send(jack_nframes_t n, void*) {
  const bool now = runs.load();
  float* outs[2];
  for (int channel = 0; channel < 2; ++channel)
    outs[channel] = static_cast<float*>(jack_port_get_buffer(graph.out[channel], n));
  for (jack_nframes_t i = 0; i < n; ++i) {
    const double phase = 2.0 * M_PI * 220.0 / 48000.0 * static_cast<double>(sent + i) + M_PI / 2.0;
    outs[0][i] = outs[1][i] = now ? static_cast<float>(0.3 * std::sin(phase)) : 0.0f;
  }
  if (now) {
    sent += n;
    has_sent = true;
  }
  return 0;
}

static int receive(jack_nframes_t n, void*) {
  if (!has_sent.load()) return 0;
  const float* in = static_cast<const float*>(jack_port_get_buffer(graph.in[0], n));
  const size_t begin = received.load();
  for (jack_nframes_t i = 0; i < n && begin + i < kMostFrames; ++i) recorded[begin + i] = in[i];
  received = std::min(begin + n, kMostFrames);
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  recorded.resize(kMostFrames);
  if (const int status = open_graph(graph, argv[1], send, receive)) return status;
  runs = true;
  std::puts("runs");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  const size_t n = received.load();
  std::FILE* file = std::fopen(argv[2], "wb");
  if (file == nullptr || std::fwrite(recorded.data(), sizeof(float), n, file) != n) return 6;
  std::fclose(file);
  _Exit(0);
}
