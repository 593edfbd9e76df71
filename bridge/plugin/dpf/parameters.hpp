// The parameters of the plugin. Their order is part of every saved project: add new ones at the end.
#pragma once

#include <cstdint>

#include "problems.hpp"
#include "renders.hpp"

enum ParameterIndex : uint32_t {
  kStrength,
  kMix,
  kPreset,
  kMorphTo,
  kMorph,
  kOutputGain,
  kBypass,
  kEngine,
  kRender,      // whether the input is part of a region to render
  kInputLevel,  // output, and those below
  kOutputLevel,
  kPresetProblem,
  kBackend,  // how the Python process of the engine is
  kLateBlocks,
  kRenderState,  // of the last region, and below
  kRenderProblem,
  kRenderProgress,
  kRenderNumber,
#ifdef DISTRHO_PLUGIN_TARGET_LV2
  kOffline,  // whether the host renders offline; the other formats have other means
#endif
  kParameterCount,
};

// Those that the window shows, which is compiled once for all formats.
constexpr uint32_t kShownParameters = kRenderNumber + 1;

enum StateIndex : uint32_t { kFirstState, kSecondState, kStateCount };
constexpr const char* kStateKeys[kStateCount] = {"preset", "morph_to"};

constexpr float kLowestGainDb = -24.0f, kHighestGainDb = 24.0f;
constexpr float kQuietestDb = -60.0f, kLoudestDb = 24.0f;  // of the meters
constexpr float kMostLateBlocks = 1e6f, kMostRenders = 1e6f;
constexpr const char* kDefaultPresets[kStateCount] = {"rain", "bells"};
