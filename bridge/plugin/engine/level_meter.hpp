// A level for hosts to show: it rises at once and falls slowly, so that no peak is missed.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>

namespace astfx {

class LevelMeter {
 public:
  // From the audio thread: the highest sample of a number of frames.
  void add(float peak, int frames, double sample_rate) {
    const double seconds = frames / std::max(sample_rate, 1.0);
    const float fall = static_cast<float>(std::pow(10.0, -kFallDbPerSecond / 20.0 * seconds));
    level_.store(std::max(peak, fall * level_.load(std::memory_order_relaxed)),
                 std::memory_order_relaxed);
  }
  void reset() { level_.store(0.0f, std::memory_order_relaxed); }
  // Any thread.
  float level_db(float lowest, float highest) const {
    const float level = level_.load(std::memory_order_relaxed);
    return level > 0.0f ? std::min(std::max(20.0f * std::log10(level), lowest), highest) : lowest;
  }

 private:
  static constexpr double kFallDbPerSecond = 24.0;
  std::atomic<float> level_{0.0f};
};

}  // namespace astfx
