// The engine for tests and benchmarks, as plain C functions.
#include <cstring>
#include <memory>
#include <new>
#include <string>

#include "constants.hpp"
#include "effect.hpp"
#include "preset.hpp"
#include "sha256.hpp"

using namespace astfx;

namespace {

void keep(char* to, int size, const std::string& text) {
  if (to == nullptr || size < 1) return;
  std::strncpy(to, text.c_str(), static_cast<size_t>(size) - 1);
  to[size - 1] = '\0';
}

// An effect with settings of its own.
struct OwnSettings {
  Settings settings;
  Meters meters;
};
struct OwnEffect : OwnSettings, Effect {
  OwnEffect(int sample_rate, int channels) : Effect(sample_rate, channels, settings, meters) {}
};

}  // namespace

extern "C" {

int astfx_grid(int sample_rate, int* n_fft, int* hop_length) {
  const Grid grid = engine_grid(sample_rate);
  *n_fft = grid.n_fft;
  *hop_length = grid.hop_length;
  return latency_samples(sample_rate);
}

void astfx_sha256(const char* data, long size, char* hex) {
  Sha256 found;
  found.update(data, static_cast<size_t>(size));
  std::strcpy(hex, found.hex().c_str());
}

Preset* astfx_preset_load(const char* path, char* error, int size) {
  try {
    return new Preset(load_preset(path));
  } catch (const PresetError& refused) {
    keep(error, size, refused.what());
    return nullptr;
  }
}

Preset* astfx_preset_unpack(const char* data, long n, char* error, int size) {
  try {
    return new Preset(unpack_preset(std::string(data, static_cast<size_t>(n)), "preset"));
  } catch (const PresetError& refused) {
    keep(error, size, refused.what());
    return nullptr;
  }
}

long astfx_preset_packed(const char* path, char* data, long size) {
  try {
    const std::string bytes = packed_preset(path);
    if (static_cast<long>(bytes.size()) <= size) std::memcpy(data, bytes.data(), bytes.size());
    return static_cast<long>(bytes.size());
  } catch (const PresetError&) {
    return -1;
  }
}

void astfx_preset_free(Preset* preset) { delete preset; }

void astfx_preset_text(const Preset* preset, char* name, char* family, char* sha256) {
  keep(name, 65, preset->name);
  keep(family, 65, preset->family);
  keep(sha256, 65, preset->sha256);
}

// Log magnitudes on the engine's window; returns the number of frames. `values` may be null.
int astfx_preset_frames(const Preset* preset, int sample_rate, float* values) {
  const StyleFrames frames = style_frames(*preset, sample_rate);
  if (values != nullptr)
    std::memcpy(values, frames.values.data(), frames.values.size() * sizeof(float));
  return frames.n_frames;
}

StyleModel* astfx_model_new(const float* frames, int n_frames, int n_bins, int sample_rate) {
  StyleFrames style{n_frames, n_bins, {}};
  style.values.assign(frames, frames + static_cast<size_t>(n_frames) * n_bins);
  return new StyleModel(style_model(style, sample_rate));
}

StyleModel* astfx_model_of(const Preset* preset, int sample_rate) {
  return new StyleModel(style_model(style_frames(*preset, sample_rate), sample_rate));
}

void astfx_model_free(StyleModel* model) { delete model; }

SpectralStage* astfx_stage_new(const StyleModel* model, int channels) {
  return new SpectralStage(*model, channels);
}

void astfx_stage_free(SpectralStage* stage) { delete stage; }

// hop, output: (channels, hop_length)
void astfx_stage_process(SpectralStage* stage, const float* hop, double strength, float* output,
                         int channels) {
  const float* hops[2];
  float* outputs[2];
  for (int channel = 0; channel < channels; ++channel) {
    hops[channel] = hop + channel * stage->hop_length();
    outputs[channel] = output + channel * stage->hop_length();
  }
  stage->process(hops, strength, outputs);
}

OwnEffect* astfx_effect_new(int sample_rate, int channels) {
  return new OwnEffect(sample_rate, channels);
}

void astfx_effect_free(OwnEffect* effect) { delete effect; }

// A null preset leaves that style as it is. With `worker`, Monge maps are computed on a thread.
void astfx_effect_change(OwnEffect* effect, const Preset* first, const Preset* second, int worker) {
  StyleChange* change = new StyleChange;
  const std::shared_ptr<Worker> helper = worker ? Worker::of_maps() : nullptr;
  const auto voice = [&](const Preset& preset) {
    const StyleFrames frames = style_frames(preset, effect->sample_rate());
    return new Voice(style_model(frames, effect->sample_rate()), effect->channels(), helper);
  };
  if (first != nullptr) change->first = voice(*first);
  if (second != nullptr) change->second = voice(*second);
  effect->change(change);
}

void astfx_effect_reset(OwnEffect* effect) { effect->reset(); }

int astfx_effect_latency(const OwnEffect* effect) { return effect->latency(); }

int astfx_effect_own_maps(const OwnEffect* effect) { return effect->n_own_maps(); }

void astfx_effect_empty_trash(OwnEffect* effect) { effect->empty_trash(); }

void astfx_effect_set(OwnEffect* effect, float strength, float mix, float morph, float gain,
                      int bypass) {
  effect->settings.strength = strength;
  effect->settings.mix = mix;
  effect->settings.morph = morph;
  effect->settings.gain = gain;
  effect->settings.bypass = bypass != 0;
}

// input, output: (channels, n), one channel after the other
void astfx_effect_process(OwnEffect* effect, const float* input, float* output, int n) {
  const float* inputs[2];
  float* outputs[2];
  for (int channel = 0; channel < effect->channels(); ++channel) {
    inputs[channel] = input + static_cast<long>(channel) * n;
    outputs[channel] = output + static_cast<long>(channel) * n;
  }
  effect->process(inputs, outputs, n);
}

}  // extern "C"
