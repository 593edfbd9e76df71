// The whole window without a system of windows: where its parts are, and who takes the mouse.
#pragma once

#include <array>

#include "browser.hpp"
#include "dial.hpp"
#include "meters.hpp"
#include "pad.hpp"
#include "region.hpp"
#include "status.hpp"
#include "toggle.hpp"

namespace astfx::window {

class Face {
 public:
  Face();
  Face(const Face&) = delete;
  Face& operator=(const Face&) = delete;

  Values values;
  Browser& browser() { return browser_; }
  Region& region() { return region_; }

  // A value from the host; whether the window looks different.
  bool take(uint32_t parameter, float value);
  // Lay the parts out for a number of pixels.
  void fit(double width, double height);
  void draw(cairo_t* cairo);
  // In pixels. Seconds are those of the event.
  void press(double x, double y, bool is_fine, double seconds);
  // Whether a part is held.
  bool drag(double x, double y, bool is_fine);
  void release();
  void wheel(double x, double y, bool is_fine, double lines);
  bool pass(double seconds) { return meters_.pass(seconds); }

 private:
  Control* at(double x, double y);
  void share_bottom_line();

  Catalogue catalogue_;
  Browser browser_;
  Pad pad_;
  std::array<Dial, 4> dials_;
  Meters meters_;
  Toggle render_, stream_, bypass_;
  Status status_;
  Region region_;
  std::array<Control*, 12> parts_;
  Control* held_ = nullptr;
  double width_ = 0.0, height_ = 0.0, scale_ = 1.0;
  double last_press_ = -1e9, last_x_ = 0.0, last_y_ = 0.0;
};

}  // namespace astfx::window
