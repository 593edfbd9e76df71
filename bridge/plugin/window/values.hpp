// The values of the parameters that the window shows, and their way to the host.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

#include "parameters.hpp"

namespace astfx::window {

// What the window needs to know about a parameter that a dial or the pad sets.
struct Range {
  const char* name;
  const char* unit;
  float lowest, highest, usual;
};

inline Range range_of(uint32_t parameter) {
  switch (parameter) {
    case kStrength: return {"Strength", "%", 0.0f, 100.0f, 100.0f};
    case kMix: return {"Mix", "%", 0.0f, 100.0f, 100.0f};
    case kMorph: return {"Morph", "%", 0.0f, 100.0f, 0.0f};
    case kOutputGain: return {"Output gain", "dB", kLowestGainDb, kHighestGainDb, 0.0f};
  }
  return {"", "", 0.0f, 1.0f, 0.0f};
}

class Values {
 public:
  // The host's side: a parameter is being moved or not, and has a value.
  std::function<void(uint32_t, bool)> touch = [](uint32_t, bool) {};
  std::function<void(uint32_t, float)> send = [](uint32_t, float) {};

  float get(uint32_t parameter) const { return values_[parameter]; }
  int number(uint32_t parameter) const { return static_cast<int>(std::lround(get(parameter))); }
  bool is_on(uint32_t parameter) const { return get(parameter) > 0.5f; }
  double share(uint32_t parameter) const {
    const Range range = range_of(parameter);
    const double share = (get(parameter) - range.lowest) / (range.highest - range.lowest);
    return std::clamp(share, 0.0, 1.0);
  }
  // With its unit.
  std::string text(uint32_t parameter) const {
    const Range range = range_of(parameter);
    char text[40];
    const double shown = std::round(10.0 * get(parameter)) / 10.0 + 0.0;
    const bool has_sign = range.lowest < 0.0f && shown != 0.0;
    const int digits = shown == std::round(shown) ? 0 : 1;
    std::snprintf(text, sizeof text, has_sign ? "%+.*f %s" : "%.*f %s", digits, shown, range.unit);
    return text;
  }

  // From the host. Returns whether the value is another one.
  bool take(uint32_t parameter, float value) {
    if (parameter >= kShownParameters || values_[parameter] == value) return false;
    values_[parameter] = value;
    return true;
  }
  // From the user, while the parameter is being moved.
  void move(uint32_t parameter, float value) {
    if (take(parameter, value)) send(parameter, value);
  }
  void move_share(uint32_t parameter, double share) {
    const Range range = range_of(parameter);
    const double clamped = std::clamp(share, 0.0, 1.0);
    move(parameter, static_cast<float>(range.lowest + clamped * (range.highest - range.lowest)));
  }
  // From the user, at once.
  void set(uint32_t parameter, float value) {
    touch(parameter, true);
    move(parameter, value);
    touch(parameter, false);
  }

 private:
  std::array<float, kShownParameters> values_{};
};

}  // namespace astfx::window
