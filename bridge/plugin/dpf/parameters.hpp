// The parameters of the plugin. Their order is part of every saved project: add new ones at the end.
#pragma once

#include <cstdint>

#include "problems.hpp"

enum ParameterIndex : uint32_t {
  kStrength,
  kMix,
  kPreset,
  kMorphTo,
  kMorph,
  kOutputGain,
  kBypass,
  kInputLevel,
  kOutputLevel,
  kPresetProblem,
  kParameterCount,
};

enum StateIndex : uint32_t { kFirstState, kSecondState, kStateCount };
constexpr const char* kStateKeys[kStateCount] = {"preset", "morph_to"};

constexpr float kLowestGainDb = -24.0f, kHighestGainDb = 24.0f;
constexpr float kQuietestDb = -60.0f, kLoudestDb = 24.0f;  // of the meters
constexpr const char* kDefaultPresets[kStateCount] = {"rain", "bells"};
