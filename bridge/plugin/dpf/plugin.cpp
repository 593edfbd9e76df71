#include "plugin.hpp"

#include <cmath>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

START_NAMESPACE_DISTRHO

namespace {

int number_of(const astfx::Library& library, const char* name) {
  for (const astfx::LibraryEntry& entry : library.entries())
    if (entry.is_factory() && entry.name == name) return entry.index;
  return 0;
}

// Names for the values from 0.
void name_values(Parameter& parameter, const std::vector<const char*>& names) {
  parameter.hints |= kParameterIsInteger;
  parameter.ranges = ParameterRanges(0.0f, 0.0f, static_cast<float>(names.size() - 1));
  parameter.enumValues.values = new ParameterEnumerationValue[names.size()];
  parameter.enumValues.count = static_cast<uint8_t>(names.size());
  parameter.enumValues.restrictedMode = true;
  ParameterEnumerationValue* next = parameter.enumValues.values;
  for (const char* name : names) {
    next->value = static_cast<float>(next - parameter.enumValues.values);
    (next++)->label = name;
  }
}

void share(Parameter& parameter, const char* name, const char* symbol, const char* description,
           float usual) {
  parameter.name = name;
  parameter.symbol = symbol;
  parameter.description = description;
  parameter.unit = "%";
  parameter.ranges = ParameterRanges(usual, 0.0f, 100.0f);
}

// A level for hosts to show.
void level(Parameter& parameter, const char* name, const char* symbol, const char* description) {
  parameter.hints = kParameterIsOutput;
  parameter.name = name;
  parameter.symbol = symbol;
  parameter.description = description;
  parameter.unit = "dB";
  parameter.ranges = ParameterRanges(kQuietestDb, kQuietestDb, kLoudestDb);
}

template <size_t n>
std::vector<const char*> labels(const astfx::ProblemText (&texts)[n]) {
  std::vector<const char*> found;
  for (const astfx::ProblemText& text : texts) found.push_back(text.label);
  return found;
}

}  // namespace

AstfxPlugin::AstfxPlugin() : Plugin(kParameterCount, 0, kStateCount) {
  for (int slot = 0; slot < astfx::kSlots; ++slot)
    instance_.choose(slot, number_of(instance_.library(), kDefaultPresets[slot]));
  show_latency();
}

void AstfxPlugin::show_latency() {
  const int frames = instance_.latency(getSampleRate(), static_cast<int>(getBufferSize()));
  setLatency(static_cast<uint32_t>(frames));
}

void AstfxPlugin::initParameter(uint32_t index, Parameter& parameter) {
  parameter.hints = kParameterIsAutomatable;
  switch (index) {
    case kStrength:
      share(parameter, "Strength", "strength", "0 % is the input, 100 % the full style.", 100.0f);
      break;
    case kMix:
      share(parameter, "Mix", "mix", "Share of the result in the output.", 100.0f);
      break;
    case kMorph:
      share(parameter, "Morph", "morph", "0 % is the first preset, 100 % the second one.", 0.0f);
      break;
    case kPreset:
    case kMorphTo: {
      const int slot = index == kPreset ? 0 : 1;
      parameter.name = slot == 0 ? "Preset" : "Morph to";
      parameter.symbol = kStateKeys[slot];
      parameter.description = slot == 0 ? "The sound to imitate." : "The sound at 100 % of Morph.";
      parameter.hints |= kParameterIsInteger;
      const float usual = static_cast<float>(number_of(instance_.library(), kDefaultPresets[slot]));
      parameter.ranges = ParameterRanges(usual, 0.0f, static_cast<float>(astfx::kHighestPreset));
      const auto& entries = instance_.library().entries();
      ParameterEnumerationValue* values = new ParameterEnumerationValue[entries.size()];
      for (size_t i = 0; i < entries.size(); ++i) {
        values[i].value = static_cast<float>(entries[i].index);
        values[i].label = entries[i].name.c_str();
      }
      parameter.enumValues.values = values;
      parameter.enumValues.count = static_cast<uint8_t>(entries.size());
      parameter.enumValues.restrictedMode = false;
      break;
    }
    case kOutputGain:
      parameter.name = "Output gain";
      parameter.symbol = "output_gain";
      parameter.unit = "dB";
      parameter.ranges = ParameterRanges(0.0f, kLowestGainDb, kHighestGainDb);
      break;
    case kBypass:
      parameter.initDesignation(kParameterDesignationBypass);
      break;
    case kInputLevel:
      level(parameter, "Input level", "input_level", "Peaks of the input.");
      break;
    case kOutputLevel:
      level(parameter, "Output level", "output_level", "Peaks of the output.");
      break;
    case kPresetProblem:
      parameter.name = "Preset problem";
      parameter.symbol = "preset_problem";
      parameter.description = "Whether a preset is not on this machine, is damaged, or has changed.";
      parameter.hints = kParameterIsOutput;
      name_values(parameter, labels(astfx::kPresetProblems));
      break;
    case kEngine:
      parameter.name = "Engine";
      parameter.symbol = "engine";
      parameter.description =
          "live is quick; stream, in a Python process, comes nearer to the sound.";
      parameter.hints = 0;  // its latency is another one, so it cannot be automated
      name_values(parameter, {"live", "stream"});
      break;
    case kRender:
      parameter.name = "Render a region";
      parameter.symbol = "render";
      parameter.description =
          "While it is on, the engine stream keeps its input; then it is rendered to a file.";
      parameter.hints |= kParameterIsBoolean | kParameterIsInteger;
      parameter.ranges = ParameterRanges(0.0f, 0.0f, 1.0f);
      break;
    case kRenderState:
      parameter.name = "Render state";
      parameter.symbol = "render_state";
      parameter.description = "What happens to the last region.";
      parameter.hints = kParameterIsOutput;
      name_values(parameter, {"none", "recording", "rendering", "ready", "failed"});
      break;
    case kRenderProblem:
      parameter.name = "Render problem";
      parameter.symbol = "render_problem";
      parameter.description = "Why there is no file of the last region.";
      parameter.hints = kParameterIsOutput;
      name_values(parameter, labels(astfx::kRenderProblems));
      break;
    case kRenderProgress:
      share(parameter, "Render progress", "render_progress", "How much of the region is rendered.", 0.0f);
      parameter.hints = kParameterIsOutput;
      break;
    case kRenderNumber:
      parameter.name = "Render number";
      parameter.symbol = "render_number";
      parameter.description = "The number in the name of the last file; 0 if there is none.";
      parameter.hints = kParameterIsOutput | kParameterIsInteger;
      parameter.ranges = ParameterRanges(0.0f, 0.0f, kMostRenders);
      break;
    case kBackend:
      parameter.name = "Backend";
      parameter.symbol = "backend";
      parameter.description = "The Python process of the engine stream.";
      parameter.hints = kParameterIsOutput;
      name_values(parameter, {"unused", "starts", "runs", "not found", "fails"});
      break;
    case kLateBlocks:
      parameter.name = "Late blocks";
      parameter.symbol = "late_blocks";
      parameter.description = "Blocks that were dry because the Python process was late.";
      parameter.hints = kParameterIsOutput | kParameterIsInteger;
      parameter.ranges = ParameterRanges(0.0f, 0.0f, kMostLateBlocks);
      break;
#ifdef DISTRHO_PLUGIN_TARGET_LV2
    case kOffline:
      parameter.name = "Offline";
      parameter.symbol = "lv2_freewheel";
      parameter.hints = kParameterIsInteger | kParameterIsBoolean;
      parameter.ranges = ParameterRanges(0.0f, 0.0f, 1.0f);
      break;
#endif
  }
}

void AstfxPlugin::initState(uint32_t index, State& state) {
  state.key = kStateKeys[index];
  state.label = kStateKeys[index];
  state.hints = kStateIsOnlyForDSP;
  state.defaultValue = "";
}

float AstfxPlugin::getParameterValue(uint32_t index) const {
  const astfx::Settings& settings = instance_.settings;
  switch (index) {
    case kStrength: return 100.0f * settings.strength;
    case kMix: return 100.0f * settings.mix;
    case kMorph: return 100.0f * settings.morph;
    case kPreset: return static_cast<float>(instance_.chosen(0));
    case kMorphTo: return static_cast<float>(instance_.chosen(1));
    case kOutputGain: return gain_db_;
    case kBypass: return settings.bypass ? 1.0f : 0.0f;
    case kInputLevel: return input_level_.level_db(kQuietestDb, kLoudestDb);
    case kOutputLevel: return output_level_.level_db(kQuietestDb, kLoudestDb);
    case kPresetProblem: return static_cast<float>(instance_.preset_problem());
    case kEngine: return static_cast<float>(instance_.engine());
    case kRender: return settings.renders ? 1.0f : 0.0f;
    case kRenderState: return static_cast<float>(instance_.renders().state);
    case kRenderProblem: return static_cast<float>(instance_.renders().problem);
    case kRenderProgress: return static_cast<float>(instance_.renders().percent);
    case kRenderNumber: return std::fmin(static_cast<float>(instance_.renders().number), kMostRenders);
#ifdef DISTRHO_PLUGIN_TARGET_LV2
    case kOffline: return instance_.is_offline() ? 1.0f : 0.0f;
#endif
    case kBackend: return static_cast<float>(instance_.backend_state());
    case kLateBlocks: return std::fmin(static_cast<float>(instance_.late_blocks()), kMostLateBlocks);
  }
  return 0.0f;
}

void AstfxPlugin::setParameterValue(uint32_t index, float value) {
  if (!std::isfinite(value)) return;
  astfx::Settings& settings = instance_.settings;
  const auto number = [&] {
    return static_cast<int>(std::lround(std::fmin(std::fmax(value, 0.0f), astfx::kHighestPreset)));
  };
  switch (index) {
    case kStrength: settings.strength = value / 100.0f; break;
    case kMix: settings.mix = value / 100.0f; break;
    case kMorph: settings.morph = value / 100.0f; break;
    case kPreset: instance_.choose(0, number()); break;
    case kMorphTo: instance_.choose(1, number()); break;
    case kOutputGain:
      gain_db_ = std::fmin(std::fmax(value, kLowestGainDb), kHighestGainDb);
      settings.gain = std::pow(10.0f, gain_db_ / 20.0f);
      break;
    case kBypass: settings.bypass = value > 0.5f; break;
    case kRender: settings.renders = value > 0.5f; break;
#ifdef DISTRHO_PLUGIN_TARGET_LV2
    case kOffline: instance_.set_offline(value > 0.5f); break;
#endif
    case kEngine:
      instance_.choose_engine(value > 0.5f ? astfx::kEngineStream : astfx::kEngineLive);
#ifndef DISTRHO_PLUGIN_TARGET_LV2
      show_latency();  // lets the host activate the plugin again, as LV2 cannot
#endif
      break;
  }
}

String AstfxPlugin::getState(const char* key) const {
  for (int slot = 0; slot < astfx::kSlots; ++slot)
    if (std::strcmp(key, kStateKeys[slot]) == 0) return String(instance_.state(slot).c_str());
  return String();
}

void AstfxPlugin::setState(const char* key, const char* value) {
  for (int slot = 0; slot < astfx::kSlots; ++slot)
    if (std::strcmp(key, kStateKeys[slot]) == 0 && value[0] != '\0')
      instance_.set_state(slot, value);
}

void AstfxPlugin::sampleRateChanged(double) { show_latency(); }

void AstfxPlugin::bufferSizeChanged(uint32_t) { show_latency(); }

void AstfxPlugin::activate() {
  instance_.activate(getSampleRate(), static_cast<int>(getBufferSize()));
  show_latency();
}

void AstfxPlugin::run(const float** inputs, float** outputs, uint32_t frames) {
  const int n = static_cast<int>(frames);
  instance_.process(inputs, outputs, n);
#ifdef DISTRHO_PLUGIN_TARGET_LV2
  setLatency(static_cast<uint32_t>(instance_.latency_in_use()));
#endif
  input_level_.add(instance_.input_peak(), n, getSampleRate());
  output_level_.add(instance_.output_peak(), n, getSampleRate());
}

Plugin* createPlugin() { return new AstfxPlugin; }

END_NAMESPACE_DISTRHO

// The patched parts of DPF call these.
void astfx_set_offline(void* plugin, bool offline) {
  static_cast<DISTRHO_NAMESPACE::AstfxPlugin*>(static_cast<DISTRHO_NAMESPACE::Plugin*>(plugin))
      ->set_offline(offline);
}

void astfx_wait_at_start(void* plugin) {
  static_cast<DISTRHO_NAMESPACE::AstfxPlugin*>(static_cast<DISTRHO_NAMESPACE::Plugin*>(plugin))
      ->instance()
      .wait_at_start();
}

// A number for a URI, from 1, for hosts of LV2 that give none.
unsigned astfx_urid(const char* uri) {
  static std::mutex mutex;
  static std::vector<std::string> known;
  const std::lock_guard<std::mutex> lock(mutex);
  for (size_t i = 0; i < known.size(); ++i)
    if (known[i] == uri) return static_cast<unsigned>(i + 1);
  known.emplace_back(uri);
  return static_cast<unsigned>(known.size());
}
