#include "pad.hpp"

#include "browser.hpp"

namespace astfx::window {

namespace {

constexpr double kFine = 0.1, kWheelStep = 0.01, kKnob = 10.0, kHeading = 34.0;

}  // namespace

// The points that the middle of the knob can reach.
Box Pad::field() const {
  return Box{box.x, box.y + kHeading, box.width, box.height - kHeading}.inner(kKnob + 8.0);
}

void Pad::draw(Canvas& canvas) {
  const Box at = field();
  const double morph = values_.share(kMorph), strength = values_.share(kStrength);
  const Colour mixed = between(kFirst, kSecond, morph);
  canvas.fill(box, kPanel, kRound);
  const Box ground = at.inner(-kKnob);
  canvas.fill_between(ground, faded(kFirst, 0.30), faded(kSecond, 0.30), false, kRound);
  canvas.fill_between(ground, faded(kPanel, 0.0), faded(kPanel, 0.9), true, kRound);
  for (int i = 0; i <= 4; ++i) {
    const double x = at.x + at.width * i / 4.0, y = at.y + at.height * i / 4.0;
    canvas.line(x, at.y, x, at.bottom(), faded(kText, i % 2 ? 0.04 : 0.09));
    canvas.line(at.x, y, at.right(), y, faded(kText, i % 2 ? 0.04 : 0.09));
  }
  canvas.text(at.middle_x(), at.y + 8.0, "strong", kSmall, faded(kText, 0.55), Align::kMiddle);
  canvas.text(at.middle_x(), at.bottom() - 8.0, "weak", kSmall, faded(kText, 0.55), Align::kMiddle);
  const double x = at.x + at.width * morph, y = at.bottom() - at.height * strength;
  canvas.line(x, at.y, x, at.bottom(), faded(mixed, 0.5));
  canvas.line(at.x, y, at.right(), y, faded(mixed, 0.5));
  canvas.disc(x, y, kKnob + 4.0, faded(mixed, 0.25));
  canvas.disc(x, y, kKnob, mixed);
  canvas.disc(x, y, kKnob - 3.5, is_held_ ? kText : kBack);
  canvas.frame(box, kLine, kRound);
  const double most = box.width / 2.0 - 60.0, top = box.y + 22.0;
  canvas.text(box.x + 14.0, top, catalogue_.title_of(values_.number(kPreset)), kNormal, kFirst,
              Align::kLeft, true, most);
  canvas.text(box.middle_x(), top, "morph", kSmall, kDim, Align::kMiddle);
  canvas.text(box.right() - 14.0, top, catalogue_.title_of(values_.number(kMorphTo)), kNormal, kSecond,
              Align::kRight, true, most);
}

void Pad::press(const Pointer& pointer) {
  if (pointer.is_double) {
    values_.set(kMorph, range_of(kMorph).usual);
    values_.set(kStrength, range_of(kStrength).usual);
    return;
  }
  is_held_ = true;
  values_.touch(kMorph, true);
  values_.touch(kStrength, true);
  const Box at = field();
  if (pointer.is_fine) {
    morph_ = values_.share(kMorph);
    strength_ = values_.share(kStrength);
  } else {
    morph_ = (pointer.x - at.x) / at.width;
    strength_ = (at.bottom() - pointer.y) / at.height;
  }
  last_x_ = pointer.x;
  last_y_ = pointer.y;
  move_to(pointer);
}

void Pad::move_to(const Pointer& pointer) {
  const Box at = field();
  const double pace = pointer.is_fine ? kFine : 1.0;
  morph_ += pace * (pointer.x - last_x_) / at.width;
  strength_ -= pace * (pointer.y - last_y_) / at.height;
  last_x_ = pointer.x;
  last_y_ = pointer.y;
  values_.move_share(kMorph, morph_);
  values_.move_share(kStrength, strength_);
}

void Pad::drag(const Pointer& pointer) {
  if (is_held_) move_to(pointer);
}

void Pad::release() {
  if (!is_held_) return;
  is_held_ = false;
  values_.touch(kMorph, false);
  values_.touch(kStrength, false);
}

void Pad::wheel(const Pointer& pointer, double lines) {
  const double step = kWheelStep * (pointer.is_fine ? kFine : 1.0);
  values_.touch(kMorph, true);
  values_.move_share(kMorph, values_.share(kMorph) + step * lines);
  values_.touch(kMorph, false);
}

}  // namespace astfx::window
