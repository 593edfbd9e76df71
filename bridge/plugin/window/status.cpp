#include "status.hpp"

#include "backend_state.hpp"

namespace astfx::window {

std::string Status::late_blocks() const {
  const int n = values_.number(kLateBlocks);
  if (n < 1) return "";
  return n == 1 ? " One block was late, and dry." : " " + std::to_string(n) + " blocks were late, and dry.";
}

// The first thing to say comes first.
Status::Line Status::line() const {
  const int problem = values_.number(kPresetProblem);
  if (problem > kNoProblem && problem < kPresetProblemCount)
    return {kPresetProblems[problem].sentence, kBad};
  const std::string late = late_blocks();
  if (values_.is_on(kEngine)) {
    switch (values_.number(kBackend)) {
      case kBackendUnused:
        return {"The engine stream begins when the host starts the plugin again.", kLoud};
      case kBackendStarts: return {"The engine stream starts. Until then the sound is dry.", kLoud};
      case kBackendIsAbsent:
        return {"The sound is dry: no Python with astfx was found. Set ASTFX_PYTHON to it.", kBad};
      case kBackendFails:
        return {"The sound is dry: the Python process of the engine stream ends again and again.", kBad};
    }
  }
  if (values_.is_on(kBypass)) return {"Bypassed: the input passes unchanged.", kLoud};
  if (values_.get(kStrength) <= 0.0f || values_.get(kMix) <= 0.0f)
    return {"The input passes unchanged, because strength or mix is 0 %.", kLoud};
  const std::string first = catalogue_.title_of(values_.number(kPreset));
  const std::string second = catalogue_.title_of(values_.number(kMorphTo));
  const double morph = values_.share(kMorph);
  if (morph <= 0.0) return {"Plays in the texture of " + first + "." + late, kGood};
  if (morph >= 1.0) return {"Plays in the texture of " + second + "." + late, kGood};
  return {"Plays between " + first + " and " + second + "." + late, kGood};
}

void Status::draw(Canvas& canvas) {
  const Line shown = line();
  canvas.disc(box.x + 8.0, box.middle_y(), 4.0, shown.colour);
  canvas.text(box.x + 20.0, box.middle_y(), shown.text, kSmall, kDim, Align::kLeft, false, box.width - 24.0);
}

}  // namespace astfx::window
