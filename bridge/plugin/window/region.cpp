#include "region.hpp"

#include "backend_state.hpp"
#include "renders.hpp"

namespace astfx::window {

Region::Line Region::line() const {
  if (values_.is_on(kRender)) {
    if (!values_.is_on(kEngine)) return {"Only the engine stream renders regions: switch it on.", kLoud};
    if (values_.number(kBackend) != kBackendRuns)
      return {"The region is recorded once the engine stream runs.", kLoud};
  }
  switch (values_.number(kRenderState)) {
    case kRenderRecording: return {"Records a region. Switch it off to render it.", kBad};
    case kRenderRendering: return {"Renders the region.", kLoud};
    case kRenderReady:
      return {render_path(static_cast<uint64_t>(values_.number(kRenderNumber))), kGood, true};
    case kRenderFailed: {
      const int problem = values_.number(kRenderProblem);
      return {problem > 0 && problem < kRenderProblemCount ? kRenderProblems[problem].sentence : "", kBad};
    }
  }
  return {"", kDim};
}

void Region::draw(Canvas& canvas) {
  const Line shown = line();
  if (shown.text.empty()) return;
  canvas.disc(box.x + 8.0, box.middle_y(), 4.0, shown.colour);
  canvas.text(box.x + 20.0, box.middle_y(), shown.text, kSmall, shown.is_file ? kText : kDim, Align::kLeft,
              false, box.width - 24.0);
  if (shown.is_file) {
    const double low = box.middle_y() + 7.0;
    canvas.line(box.x + 20.0, low, box.x + 20.0 + canvas.text_width(), low, kLine);
  }
}

void Region::press(const Pointer&) {
  if (!file().empty()) open(renders_folder());
}

}  // namespace astfx::window
