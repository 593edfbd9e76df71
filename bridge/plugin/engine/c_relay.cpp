// The relay for tests, as plain C functions. The test plays the other process.
#include <memory>

#include "backend.hpp"
#include "relay.hpp"
#include "renders.hpp"

using namespace astfx;

namespace {

struct OwnRelay {
  OwnRelay(int sample_rate, int channels, int longest)
      : relay(sample_rate, channels, longest, settings, meters) {}
  Settings settings;
  Meters meters;
  Relay relay;
  std::unique_ptr<Backend> backend;
  int channels = 0;
};

}  // namespace

extern "C" {

OwnRelay* astfx_relay_new(int sample_rate, int channels, int longest) {
  OwnRelay* made = new OwnRelay(sample_rate, channels, longest);
  made->channels = channels;
  return made;
}

void astfx_relay_free(OwnRelay* own) { delete own; }

int astfx_relay_latency(int sample_rate, int longest) { return Relay::latency(sample_rate, longest); }

int astfx_stream_latency(int sample_rate) { return stream_latency_samples(sample_rate); }

int astfx_relay_descriptor(OwnRelay* own) { return own->relay.ring().descriptor(); }

// Places of presets: of the first one and of the second one, each with its size.
static PresetPlaces places_of(const long* places) {
  const auto number = [&](int k) { return static_cast<uint64_t>(places[k]); };
  return {{number(0), number(1)}, {number(2), number(3)}};
}

void astfx_relay_begin(OwnRelay* own, const long* places, int waits) {
  own->relay.begin(places_of(places), waits != 0);
}

// Keeps the bytes of a preset under a name, and returns their place.
long astfx_relay_keep(OwnRelay* own, const char* name, const char* bytes, long size) {
  return static_cast<long>(
      own->relay.ring().keep(name, std::string(bytes, static_cast<size_t>(size))).place);
}

void astfx_relay_set(OwnRelay* own, float strength, float mix, float morph, float gain, int bypass,
                     int renders) {
  own->settings.strength = strength;
  own->settings.mix = mix;
  own->settings.morph = morph;
  own->settings.gain = gain;
  own->settings.bypass = bypass != 0;
  own->settings.renders = renders != 0;
}

// input, output: (channels, n), one channel after the other; null places leave the presets as they are
void astfx_relay_process(OwnRelay* own, const float* input, float* output, int n, const long* places,
                         int may_wait) {
  const float* inputs[2];
  float* outputs[2];
  for (int channel = 0; channel < own->channels; ++channel) {
    inputs[channel] = input + static_cast<long>(channel) * n;
    outputs[channel] = output + static_cast<long>(channel) * n;
  }
  const PresetPlaces found = places == nullptr ? PresetPlaces{} : places_of(places);
  own->relay.process(inputs, outputs, n, places == nullptr ? nullptr : &found,
                     std::chrono::seconds(may_wait ? 120 : 0));
}

long astfx_relay_late(const OwnRelay* own) { return static_cast<long>(own->relay.n_late.load()); }

void astfx_backend_start(OwnRelay* own) { own->backend = std::make_unique<Backend>(own->relay); }

void astfx_backend_stop(OwnRelay* own) { own->backend.reset(); }

int astfx_backend_state(const OwnRelay* own) { return own->backend ? own->backend->state() : 0; }

int astfx_backend_process(const OwnRelay* own) { return own->backend ? own->backend->process_id() : -1; }

void astfx_backend_problem(OwnRelay* own, char* text, int size) {
  const std::string found = own->backend ? own->backend->problem() : "";
  const size_t n = found.copy(text, static_cast<size_t>(size) - 1);
  text[n] = '\0';
}

void astfx_render_path(long number, char* text, int size) {
  const size_t n = render_path(static_cast<uint64_t>(number)).copy(text, static_cast<size_t>(size) - 1);
  text[n] = '\0';
}

// The labels of the problems that a render can have, each on a line.
void astfx_render_problems(char* text, int size) {
  std::string all;
  for (const ProblemText& problem : kRenderProblems) all += std::string(problem.label) + "\n";
  const size_t n = all.copy(text, static_cast<size_t>(size) - 1);
  text[n] = '\0';
}

}  // extern "C"
