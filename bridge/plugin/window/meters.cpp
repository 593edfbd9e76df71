#include "meters.hpp"

namespace astfx::window {

namespace {

constexpr uint32_t kLevels[] = {kInputLevel, kOutputLevel};
constexpr const char* kNames[] = {"In", "Out"};
constexpr double kHoldSeconds = 1.5, kFallDbPerSecond = 20.0;
constexpr float kTopDb = 6.0f, kHotDb = -6.0f;

double height_of(float level_db) {
  return std::clamp((level_db - kQuietestDb) / (kTopDb - kQuietestDb), 0.0f, 1.0f);
}

}  // namespace

void Meters::draw(Canvas& canvas) {
  canvas.fill(box, kPanel, kRound);
  canvas.frame(box, kLine, kRound);
  const double top = box.y + 46.0, bottom = box.bottom() - 26.0, height = bottom - top;
  for (int i = 0; i < 2; ++i) {
    const double x = box.x + (i == 0 ? 14.0 : box.width - 32.0);
    const Box bar{x, top, 18.0, height};
    canvas.fill(bar, kSunken, 3.0);
    const float level = values_.get(kLevels[i]);
    const double y = bottom - height * height_of(level);
    canvas.clip({x, y, 18.0, bottom - y});
    const double hot = bottom - height * height_of(kHotDb), full = bottom - height * height_of(0.0f);
    canvas.fill({x, hot, 18.0, bottom - hot}, kGood);
    canvas.fill({x, full, 18.0, hot - full}, kLoud);
    canvas.fill({x, top, 18.0, full - top}, kBad);
    canvas.end_clip();
    const Peak& peak = peaks_[i];
    if (peak.held > kQuietestDb) {
      const double held = bottom - height * height_of(peak.held);
      canvas.line(x, held, x + 18.0, held, peak.held > 0.0f ? kBad : kText, 2.0);
    }
    char text[16];
    std::snprintf(text, sizeof text, "%.1f", static_cast<double>(peak.highest));
    canvas.text(bar.middle_x(), box.y + 32.0, peak.highest <= kQuietestDb ? "-" : text, kSmall,
                peak.highest > 0.0f ? kBad : kText, Align::kMiddle);
    canvas.text(bar.middle_x(), box.bottom() - 13.0, kNames[i], kSmall, kDim, Align::kMiddle);
  }
  canvas.text(box.middle_x(), box.y + 14.0, "dB", kSmall, kDim, Align::kMiddle);
  for (int mark : {0, -6, -12, -24, -36, -48}) {
    const double y = bottom - height * height_of(static_cast<float>(mark));
    canvas.text(box.middle_x(), y, std::to_string(mark), 10.0, kDim, Align::kMiddle);
  }
}

void Meters::press(const Pointer&) {
  for (Peak& peak : peaks_) peak = Peak();
}

bool Meters::pass(double seconds) {
  bool is_other = false;
  for (int i = 0; i < 2; ++i) {
    Peak& peak = peaks_[i];
    const float level = values_.get(kLevels[i]);
    const float before = peak.held;
    peak.highest = std::max(peak.highest, level);
    if (level >= peak.held) {
      peak.held = level;
      peak.age = 0.0;
    } else if ((peak.age += seconds) > kHoldSeconds) {
      const float fallen = peak.held - static_cast<float>(kFallDbPerSecond * seconds);
      peak.held = std::max({level, kQuietestDb, fallen});
    }
    is_other = is_other || peak.held != before;
  }
  return is_other;
}

}  // namespace astfx::window
