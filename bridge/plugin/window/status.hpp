// The line at the bottom of the window: what is wrong, or what is heard.
#pragma once

#include "catalogue.hpp"
#include "control.hpp"
#include "values.hpp"

namespace astfx::window {

class Status : public Control {
 public:
  Status(Values& values, const Catalogue& catalogue) : values_(values), catalogue_(catalogue) {}
  void draw(Canvas& canvas) override;

 private:
  struct Line {
    std::string text;
    Colour colour;
  };
  Line line() const;
  std::string late_blocks() const;

  Values& values_;
  const Catalogue& catalogue_;
};

}  // namespace astfx::window
