#include "region.hpp"

#include <cmath>

#include "backend_state.hpp"
#include "renders.hpp"

namespace astfx::window {

namespace {

constexpr double kLeastWay = 6.0;    // of the mouse, until a file is dragged
constexpr size_t kLongestPath = 62;  // what the bottom line has room for

// The end of a path that is too long to be shown.
std::string shortened(const std::string& path) {
  if (path.size() <= kLongestPath) return path;
  const size_t begin = path.find('/', path.size() - kLongestPath);
  return "\u2026" + path.substr(begin == std::string::npos ? path.size() - kLongestPath : begin);
}

}  // namespace

Region::Line Region::line() const {
  if (values_.is_on(kRender)) {
    if (!values_.is_on(kEngine)) return {"Only the engine stream renders regions: switch it on.", kLoud};
    if (values_.number(kBackend) != kBackendRuns)
      return {"The region is recorded once the engine stream runs.", kLoud};
  }
  switch (values_.number(kRenderState)) {
    case kRenderRecording: return {"Records a region. Switch it off to render it.", kBad};
    case kRenderRendering:
      return {"Renders the region: " + std::to_string(values_.number(kRenderProgress)) + " %", kLoud};
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
  const std::string text = shown.is_file ? shortened(shown.text) : shown.text;
  canvas.text(box.x + 20.0, box.middle_y(), text, kSmall, shown.is_file ? kText : kDim, Align::kLeft,
              false, box.width - 24.0);
  if (shown.is_file) {
    const double low = box.middle_y() + 7.0;
    canvas.line(box.x + 20.0, low, box.x + 20.0 + canvas.text_width(), low, kLine);
  }
}

void Region::press(const Pointer& pointer) {
  held_ = file();
  is_carried_ = false;
  x_ = pointer.x;
  y_ = pointer.y;
}

void Region::drag(const Pointer& pointer) {
  if (held_.empty()) return;
  if (!is_carried_ && std::hypot(pointer.x - x_, pointer.y - y_) >= kLeastWay) {
    is_carried_ = lift(held_);
    if (!is_carried_) held_.clear();
  }
  if (is_carried_) carry();
}

void Region::release() {
  if (is_carried_)
    let_go();
  else if (!held_.empty())
    open(renders_folder());
  held_.clear();
}

}  // namespace astfx::window
