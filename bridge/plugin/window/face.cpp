#include "face.hpp"

#include <algorithm>

namespace astfx::window {

namespace {

constexpr double kMargin = 14.0, kGap = 12.0, kHeader = 32.0, kDialHeight = 124.0, kMetersWidth = 96.0;
constexpr double kStatusHeight = 24.0, kBrowserWidth = 292.0;
constexpr double kDoubleClickSeconds = 0.35, kDoubleClickWay = 4.0;

}  // namespace

Face::Face()
    : browser_(values, catalogue_),
      pad_(values, catalogue_),
      dials_{Dial(values, kStrength, kFirst), Dial(values, kMix, kFirst), Dial(values, kMorph, kSecond),
             Dial(values, kOutputGain, kGood)},
      meters_(values),
      render_(values, kRender, "Render a region", kBad),
      stream_(values, kEngine, "Engine stream", kGood),
      bypass_(values, kBypass, "Bypass", kLoud),
      status_(values, catalogue_),
      region_(values),
      parts_{&browser_, &pad_,    &dials_[0], &dials_[1], &dials_[2], &dials_[3],
             &meters_,  &render_, &stream_,   &bypass_,   &status_,   &region_} {}

bool Face::take(uint32_t parameter, float value) {
  if (!values.take(parameter, value)) return false;
  if (parameter == kPresetParameters[browser_.slot()]) browser_.show_present();
  return true;
}

void Face::fit(double width, double height) {
  if (width == width_ && height == height_) return;
  width_ = width;
  height_ = height;
  scale_ = std::max(0.1, std::min(width / kWidth, height / kHeight));
  const double right = width / scale_ - kMargin, bottom = height / scale_ - kMargin;
  bypass_.box = {right - 100.0, kMargin, 100.0, kHeader};
  stream_.box = {bypass_.box.x - kGap - 140.0, kMargin, 140.0, kHeader};
  render_.box = {stream_.box.x - kGap - 146.0, kMargin, 146.0, kHeader};
  const double top = kMargin + kHeader + kGap;
  const double low = bottom - kStatusHeight - 6.0;
  status_.box = {kMargin, bottom - kStatusHeight + 6.0, right - kMargin, kStatusHeight};
  const double spare = width / scale_ - kWidth;
  browser_.box = {kMargin, top, kBrowserWidth + spare / 3.0, low - top};
  meters_.box = {right - kMetersWidth, top, kMetersWidth, low - top};
  const double x = browser_.box.right() + kGap, end = meters_.box.x - kGap;
  pad_.box = {x, top, end - x, low - kDialHeight - kGap - top};
  const double wide = (end - x) / static_cast<double>(dials_.size());
  for (size_t i = 0; i < dials_.size(); ++i)
    dials_[i].box = {x + wide * static_cast<double>(i), low - kDialHeight, wide, kDialHeight};
  browser_.show_present();
}

// The status has it alone unless there is something to say about a region.
void Face::share_bottom_line() {
  const double width = width_ / scale_ - 2.0 * kMargin;
  status_.box.width = region_.is_shown() ? width / 2.0 : width;
  const double x = status_.box.right();
  region_.box = {x, status_.box.y, kMargin + width - x, kStatusHeight};
}

void Face::draw(cairo_t* cairo) {
  share_bottom_line();
  cairo_save(cairo);
  cairo_scale(cairo, scale_, scale_);
  Canvas canvas(cairo);
  canvas.fill({0.0, 0.0, width_ / scale_ + 1.0, height_ / scale_ + 1.0}, kBack);
  canvas.text(kMargin + 2.0, kMargin + kHeader / 2.0, "astfx", 22.0, kText, Align::kLeft, true);
  canvas.text(kMargin + 12.0 + canvas.text_width(), kMargin + kHeader / 2.0 + 2.0,
              "any sound in the texture of another", kSmall, kDim);
  const Box panel{dials_.front().box.x, dials_.front().box.y,
                  dials_.back().box.right() - dials_.front().box.x, kDialHeight};
  canvas.fill(panel, kPanel, kRound);
  canvas.frame(panel, kLine, kRound);
  for (Control* part : parts_) part->draw(canvas);
  cairo_restore(cairo);
}

Control* Face::at(double x, double y) {
  for (Control* part : parts_)
    if (part->box.holds(x, y)) return part;
  return nullptr;
}

void Face::press(double x, double y, bool is_fine, double seconds) {
  x /= scale_;
  y /= scale_;
  const bool is_double = seconds - last_press_ < kDoubleClickSeconds &&
                         std::hypot(x - last_x_, y - last_y_) < kDoubleClickWay;
  last_press_ = is_double ? -1e9 : seconds;
  last_x_ = x;
  last_y_ = y;
  held_ = at(x, y);
  if (held_ != &browser_ && browser_.is_typing()) browser_.leave();
  if (held_ != nullptr) held_->press({x, y, is_fine, is_double});
}

bool Face::drag(double x, double y, bool is_fine) {
  x /= scale_;
  y /= scale_;
  // A press after a drag is not the second one of a double click.
  if (std::hypot(x - last_x_, y - last_y_) >= kDoubleClickWay) last_press_ = -1e9;
  if (held_ != nullptr) held_->drag({x, y, is_fine});
  return held_ != nullptr;
}

void Face::release() {
  if (held_ != nullptr) held_->release();
  held_ = nullptr;
}

void Face::wheel(double x, double y, bool is_fine, double lines) {
  x /= scale_;
  y /= scale_;
  if (Control* part = at(x, y)) part->wheel({x, y, is_fine}, lines);
}

}  // namespace astfx::window
