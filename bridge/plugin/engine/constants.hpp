// Every constant that the engine shares with Python, below the file that it comes from.
// tests/bridge/plugin/test_constants.py compares them.
#pragma once

namespace astfx {

// astfx/settings.py
constexpr double kWindowMs = 92.88;
constexpr double kStrengthCurve = 2.0;

// astfx/frontends/grid.py
constexpr int kGridOverlap = 4;

// astfx/methods/gram.py
constexpr double kLongestKernelMs = 255.0;

// astfx/frontends/log_magnitude.py
constexpr double kReferenceRms = 0.1;
constexpr double kReferenceNFft = 2048.0;

// astfx/audio/levels.py
constexpr double kSilence = 1e-5;

// astfx/streaming/spectral_stage.py
constexpr int kHopsPerWindow = 8;
constexpr double kMemorySeconds = 8.0;
constexpr double kUpdateEverySeconds = 0.2;

// astfx/streaming/base.py
constexpr double kFullStrength = 0.9999;

// astfx/streaming/live.py
constexpr int kHeardHops = 2;
constexpr double kQuantileShare = 0.7, kQuantileFollow = 0.5;

// astfx/streaming/stream.py
constexpr int kStreamHeardHops = 5;

// astfx/features/envelope_map.py
constexpr int kEnvelopeOverlap = 4;

// astfx/features/monge.py
constexpr int kBands = 64;
constexpr double kLowestHz = 20.0, kHighestHz = 16000.0;
constexpr double kMostLogGain = 6.0, kMostLogCut = 9.0;
constexpr double kMostDeviations = 3.0, kLeastDeviation = 0.1;
constexpr double kRegularisation = 0.05;
constexpr float kBandFloor = 1e-3f;
constexpr double kPriorFramesOfGaussian = 20.0;
constexpr int kMapSteps = 3;  // a frame for each

// astfx/dsp/linalg.py
constexpr double kLeastEigenvalue = 1e-12;

// astfx/features/quantiles.py
constexpr double kFloor = 1e-3;
constexpr double kHighestLevel = 15.907755278982137;  // 9 - log(kFloor)
constexpr int kLevels = 128;
constexpr int kQuantiles = 33;
constexpr double kPriorFramesOfHistogram = 5.0;
constexpr double kCorrection = 0.6;
constexpr double kMostCorrection = 1.0;
constexpr double kRenormalise = 1e6;
struct GroupSize {
  int size;
  double lowest_hz;
};
constexpr GroupSize kGroups[] = {{4, 11000.0}, {2, 5500.0}, {1, 0.0}};

// astfx/streaming/overlap_add.py
constexpr double kMostOfFrame = 1.5, kMostInAll = 1.99;
constexpr float kTiny = 1e-20f;

// astfx/streaming/levels.py
constexpr double kMostLoudnessGain = 4.0;
constexpr double kLoudnessMemory = 0.16666666666666666;
constexpr double kMostFramePower = 3.0;
constexpr double kMostOfUsual = 8.0, kBurst = 80.0;
constexpr double kLatest = 0.05;
constexpr int kFewest = 12;

// astfx/streaming/streamer.py
constexpr float kLoudest = 100.0f;
constexpr float kQuietest = 1e-20f;

// astfx/effect/automation.py
constexpr double kRampSeconds = 0.02;
constexpr double kLeastStrength = 0.02;

// astfx/effect/controls.py
constexpr double kFadeSeconds = 0.25;

// astfx/presets/tensors.py
constexpr double kHighestLogMagnitude = 10.0;
constexpr int kMaxFrames = 4096;
constexpr int kMaxBins = 1 << 14;

// astfx/presets/files.py
constexpr int kFormatVersion = 3;
constexpr long kMaxFileBytes = 16L << 20;
constexpr long kMaxTextBytes = 64L << 10;

}  // namespace astfx
