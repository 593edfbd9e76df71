#include "status.hpp"

namespace astfx::window {

// The first thing to say comes first.
Status::Line Status::line() const {
  const int problem = values_.number(kPresetProblem);
  if (problem > kNoProblem && problem < kPresetProblemCount)
    return {kPresetProblems[problem].sentence, kBad};
  if (values_.is_on(kBypass)) return {"Bypassed: the input passes unchanged.", kLoud};
  if (values_.get(kStrength) <= 0.0f || values_.get(kMix) <= 0.0f)
    return {"The input passes unchanged, because strength or mix is 0 %.", kLoud};
  const std::string first = catalogue_.name_of(values_.number(kPreset));
  const std::string second = catalogue_.name_of(values_.number(kMorphTo));
  const double morph = values_.share(kMorph);
  if (morph <= 0.0) return {"Plays in the texture of " + first + ".", kGood};
  if (morph >= 1.0) return {"Plays in the texture of " + second + ".", kGood};
  return {"Plays between " + first + " and " + second + ".", kGood};
}

void Status::draw(Canvas& canvas) {
  const Line shown = line();
  canvas.disc(box.x + 8.0, box.middle_y(), 4.0, shown.colour);
  canvas.text(box.x + 20.0, box.middle_y(), shown.text, kSmall, kDim, Align::kLeft, false, box.width - 24.0);
}

}  // namespace astfx::window
