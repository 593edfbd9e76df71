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
  kParameterCount,
};

enum StateIndex : uint32_t { kFirstState, kSecondState, kStateCount };
constexpr const char* kStateKeys[kStateCount] = {"preset", "morph_to"};

constexpr float kLowestGainDb = -24.0f, kHighestGainDb = 24.0f;
constexpr float kMostLateBlocks = 1e6f;
constexpr const char* kDefaultPresets[kStateCount] = {"rain", "bells"};
