#include "dial.hpp"

namespace astfx::window {

namespace {

constexpr double kWay = 180.0;  // points of a drag from the lowest value to the highest
constexpr double kFine = 0.1, kWheelStep = 0.01;
constexpr double kFrom = 0.75 * M_PI, kTo = 2.25 * M_PI;

}  // namespace

void Dial::draw(Canvas& canvas) {
  const Range range = range_of(parameter_);
  const double x = box.middle_x(), y = box.y + 46.0, radius = 30.0;
  const double angle = kFrom + (kTo - kFrom) * values_.share(parameter_);
  const double usual =
      range.lowest < 0.0f ? kFrom + (kTo - kFrom) * (range.usual - range.lowest) / (range.highest - range.lowest)
                          : kFrom;
  canvas.arc(x, y, radius, kFrom, kTo, kLine, 5.0);
  canvas.arc(x, y, radius, std::min(usual, angle), std::max(usual, angle) + 1e-3, colour_, 5.0);
  canvas.disc(x, y, radius - 8.0, is_held_ ? kLine : rgb(0x272b34));
  canvas.line(x + 8.0 * std::cos(angle), y + 8.0 * std::sin(angle), x + 20.0 * std::cos(angle),
              y + 20.0 * std::sin(angle), kText, 2.5);
  canvas.text(x, box.bottom() - 30.0, values_.text(parameter_), kNormal, kText, Align::kMiddle);
  canvas.text(x, box.bottom() - 12.0, range.name, kSmall, kDim, Align::kMiddle);
}

void Dial::press(const Pointer& pointer) {
  if (pointer.is_double) {
    values_.set(parameter_, range_of(parameter_).usual);
    return;
  }
  is_held_ = true;
  last_y_ = pointer.y;
  share_ = values_.share(parameter_);
  values_.touch(parameter_, true);
}

void Dial::drag(const Pointer& pointer) {
  if (!is_held_) return;
  share_ = std::clamp(share_ + (last_y_ - pointer.y) / kWay * (pointer.is_fine ? kFine : 1.0), 0.0, 1.0);
  last_y_ = pointer.y;
  values_.move_share(parameter_, share_);
}

void Dial::release() {
  if (is_held_) values_.touch(parameter_, false);
  is_held_ = false;
}

void Dial::wheel(const Pointer& pointer, double lines) {
  values_.touch(parameter_, true);
  const double step = kWheelStep * (pointer.is_fine ? kFine : 1.0);
  values_.move_share(parameter_, values_.share(parameter_) + step * lines);
  values_.touch(parameter_, false);
}

}  // namespace astfx::window
