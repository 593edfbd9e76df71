// The right part of the bottom line: how the render of a region is. A click on the file opens its folder.
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

  // Whether there is anything to say.
  bool is_shown() const { return !line().text.empty(); }
  // The path of the file, while it is shown; empty otherwise.
  std::string file() const { return line().is_file ? line().text : ""; }
  void draw(Canvas& canvas) override;
  void press(const Pointer&) override;

 private:
  struct Line {
    std::string text;
    Colour colour;
    bool is_file = false;
  };
  Line line() const;

  Values& values_;
};

}  // namespace astfx::window
