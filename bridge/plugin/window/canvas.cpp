#include "canvas.hpp"

#include <algorithm>
#include <cmath>

namespace astfx::window {

void Canvas::trace(const Box& box, double round) {
  cairo_new_path(cairo_);
  if (round <= 0.0) {
    cairo_rectangle(cairo_, box.x, box.y, box.width, box.height);
    return;
  }
  const double r = std::min({round, box.width / 2.0, box.height / 2.0});
  cairo_arc(cairo_, box.right() - r, box.y + r, r, -M_PI / 2.0, 0.0);
  cairo_arc(cairo_, box.right() - r, box.bottom() - r, r, 0.0, M_PI / 2.0);
  cairo_arc(cairo_, box.x + r, box.bottom() - r, r, M_PI / 2.0, M_PI);
  cairo_arc(cairo_, box.x + r, box.y + r, r, M_PI, 1.5 * M_PI);
  cairo_close_path(cairo_);
}

void Canvas::fill(const Box& box, Colour colour, double round) {
  if (box.width <= 0.0 || box.height <= 0.0) return;
  trace(box, round);
  use(colour);
  cairo_fill(cairo_);
}

void Canvas::frame(const Box& box, Colour colour, double round, double thick) {
  trace(box.inner(thick / 2.0), round);
  use(colour);
  cairo_set_line_width(cairo_, thick);
  cairo_stroke(cairo_);
}

void Canvas::fill_between(const Box& box, Colour from, Colour to, bool is_upright, double round) {
  cairo_pattern_t* pattern = is_upright
                                 ? cairo_pattern_create_linear(0.0, box.y, 0.0, box.bottom())
                                 : cairo_pattern_create_linear(box.x, 0.0, box.right(), 0.0);
  cairo_pattern_add_color_stop_rgba(pattern, 0.0, from.red, from.green, from.blue, from.alpha);
  cairo_pattern_add_color_stop_rgba(pattern, 1.0, to.red, to.green, to.blue, to.alpha);
  trace(box, round);
  cairo_set_source(cairo_, pattern);
  cairo_fill(cairo_);
  cairo_pattern_destroy(pattern);
}

void Canvas::line(double from_x, double from_y, double to_x, double to_y, Colour colour,
                  double thick) {
  cairo_new_path(cairo_);
  cairo_move_to(cairo_, from_x, from_y);
  cairo_line_to(cairo_, to_x, to_y);
  use(colour);
  cairo_set_line_width(cairo_, thick);
  cairo_stroke(cairo_);
}

void Canvas::arc(double x, double y, double radius, double from, double to, Colour colour,
                 double thick) {
  cairo_new_path(cairo_);
  cairo_arc(cairo_, x, y, radius, from, to);
  use(colour);
  cairo_set_line_width(cairo_, thick);
  cairo_set_line_cap(cairo_, CAIRO_LINE_CAP_ROUND);
  cairo_stroke(cairo_);
  cairo_set_line_cap(cairo_, CAIRO_LINE_CAP_BUTT);
}

void Canvas::disc(double x, double y, double radius, Colour colour) {
  cairo_new_path(cairo_);
  cairo_arc(cairo_, x, y, radius, 0.0, 2.0 * M_PI);
  use(colour);
  cairo_fill(cairo_);
}

void Canvas::text(double x, double y, const std::string& text, double size, Colour colour,
                  Align align, bool is_bold, double most) {
  cairo_select_font_face(cairo_, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                         is_bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cairo_, size);
  cairo_font_extents_t font;
  cairo_font_extents(cairo_, &font);
  cairo_text_extents_t extents;
  std::string shown = text;
  cairo_text_extents(cairo_, shown.c_str(), &extents);
  for (size_t length = text.size(); extents.x_advance > most && length > 0;) {
    do --length;  // to the beginning of a character of UTF-8
    while (length > 0 && (text[length] & 0xc0) == 0x80);
    shown = text.substr(0, length) + "\u2026";
    cairo_text_extents(cairo_, shown.c_str(), &extents);
  }
  text_width_ = extents.x_advance;
  const double shift = align == Align::kLeft ? 0.0 : align == Align::kMiddle ? 0.5 : 1.0;
  cairo_move_to(cairo_, x - shift * text_width_, y + (font.ascent - font.descent) / 2.0);
  use(colour);
  cairo_show_text(cairo_, shown.c_str());
  cairo_new_path(cairo_);
}

void Canvas::clip(const Box& box) {
  cairo_save(cairo_);
  cairo_rectangle(cairo_, box.x, box.y, box.width, box.height);
  cairo_clip(cairo_);
}

}  // namespace astfx::window
