// The right part of the bottom line: how the render of a region is. A click on the file opens its folder,
// and the file can be dragged to another program.
#pragma once

#include <functional>
#include <string>

#include "control.hpp"
#include "values.hpp"

namespace astfx::window {

class Region : public Control {
 public:
  explicit Region(Values& values) : values_(values) {}

  // Shows a folder to the user.
  std::function<void(const std::string&)> open = [](const std::string&) {};
  // Begins to drag a file, if that is possible; the pointer has moved with it; it is let go.
  std::function<bool(const std::string&)> lift = [](const std::string&) { return false; };
  std::function<void()> carry = [] {}, let_go = [] {};

  // Whether there is anything to say.
  bool is_shown() const { return !line().text.empty(); }
  // The path of the file, while it is shown; empty otherwise.
  std::string file() const { return line().is_file ? line().text : ""; }
  void draw(Canvas& canvas) override;
  void press(const Pointer& pointer) override;
  void drag(const Pointer& pointer) override;
  void release() override;

 private:
  struct Line {
    std::string text;
    Colour colour;
    bool is_file = false;
  };
  Line line() const;

  Values& values_;
  std::string held_;  // the file under the mouse button
  bool is_carried_ = false;
  double x_ = 0.0, y_ = 0.0;
};

}  // namespace astfx::window
