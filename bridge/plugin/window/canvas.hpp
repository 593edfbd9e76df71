// What the window is drawn with: boxes, lines, arcs and text, by Cairo.
#pragma once

#include <cairo/cairo.h>

#include <string>

#include "theme.hpp"

namespace astfx::window {

struct Box {
  double x = 0.0, y = 0.0, width = 0.0, height = 0.0;
  bool holds(double at_x, double at_y) const {
    return at_x >= x && at_x < x + width && at_y >= y && at_y < y + height;
  }
  Box inner(double margin) const {
    return {x + margin, y + margin, width - 2.0 * margin, height - 2.0 * margin};
  }
  double middle_x() const { return x + width / 2.0; }
  double middle_y() const { return y + height / 2.0; }
  double right() const { return x + width; }
  double bottom() const { return y + height; }
};

enum class Align { kLeft, kMiddle, kRight };

class Canvas {
 public:
  explicit Canvas(cairo_t* cairo) : cairo_(cairo) {}

  void fill(const Box& box, Colour colour, double round = 0.0);
  void frame(const Box& box, Colour colour, double round = 0.0, double thick = 1.0);
  // From one colour at the left or the top to another.
  void fill_between(const Box& box, Colour from, Colour to, bool is_upright, double round = 0.0);
  void line(double from_x, double from_y, double to_x, double to_y, Colour colour, double thick = 1.0);
  void arc(double x, double y, double radius, double from, double to, Colour colour, double thick);
  void disc(double x, double y, double radius, Colour colour);
  // Text whose middle height is at y. What is longer than `most` ends in an ellipsis.
  void text(double x, double y, const std::string& text, double size, Colour colour,
            Align align = Align::kLeft, bool is_bold = false, double most = 1e9);
  // The width of the last text.
  double text_width() const { return text_width_; }
  void clip(const Box& box);
  void end_clip() { cairo_restore(cairo_); }

 private:
  void trace(const Box& box, double round);
  void use(Colour colour) {
    cairo_set_source_rgba(cairo_, colour.red, colour.green, colour.blue, colour.alpha);
  }

  cairo_t* cairo_;
  double text_width_ = 0.0;
};

}  // namespace astfx::window
