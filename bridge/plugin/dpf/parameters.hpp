// The parameters of the plugin. Their order is part of every saved project: add new ones at the end.
#pragma once

#include <cstdint>

enum ParameterIndex : uint32_t {
  kStrength,
  kMix,
  kPreset,
  kMorphTo,
  kMorph,
  kOutputGain,
  kBypass,
  kEngine,
  kBackend,     // output: how the Python process of the engine is
  kLateBlocks,  // output
#ifdef DISTRHO_PLUGIN_TARGET_LV2
  kOffline,  // whether the host renders offline; the other formats have other means
#endif
  kParameterCount,
};

enum StateIndex : uint32_t { kFirstState, kSecondState, kStateCount };
constexpr const char* kStateKeys[kStateCount] = {"preset", "morph_to"};

constexpr float kLowestGainDb = -24.0f, kHighestGainDb = 24.0f;
constexpr float kMostLateBlocks = 1e6f;
constexpr const char* kDefaultPresets[kStateCount] = {"rain", "bells"};
