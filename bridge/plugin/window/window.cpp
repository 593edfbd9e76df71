// The window as a UI of DPF.
#include <chrono>

#include "DistrhoUI.hpp"
#include "child_process.hpp"
#include "face.hpp"
#include "file_drag.hpp"

START_NAMESPACE_DISTRHO

class AstfxWindow : public UI {
 public:
  AstfxWindow() : UI() {
    const double scale = 0.6 * getScaleFactor();
    setGeometryConstraints(static_cast<uint>(astfx::window::kWidth * scale),
                           static_cast<uint>(astfx::window::kHeight * scale));
    face_.values.touch = [this](uint32_t index, bool begins) { editParameter(index, begins); };
    face_.region().open = [](const std::string& folder) { astfx::open_folder(folder); };
    face_.region().lift = [this](const std::string& path) { return file_drag_.begin(path); };
    face_.region().carry = [this] { file_drag_.move(); };
    face_.region().let_go = [this] { file_drag_.drop(); };
    face_.values.send = [this](uint32_t index, float value) { setParameterValue(index, value); };
  }

 protected:
  void parameterChanged(uint32_t index, float value) override {
    if (face_.take(index, value)) is_stale_ = true;
  }
  void stateChanged(const char*, const char*) override {}

  // Meters move often, so what has changed is drawn here, at most once a call.
  void uiIdle() override {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double> passed = now - last_idle_;
    if (passed.count() < kLeastSeconds) return;
    last_idle_ = now;
    file_drag_.work();
    if (face_.pass(passed.count())) is_stale_ = true;
    if (is_stale_) repaint();
    is_stale_ = false;
  }

  void onCairoDisplay(const CairoGraphicsContext& context) override {
    face().draw(context.handle);
  }

  bool onMouse(const MouseEvent& event) override {
    if (event.button != 1) return false;
    if (event.press) {
      face().press(event.pos.getX(), event.pos.getY(), (event.mod & kModifierShift) != 0,
                   event.time / 1e3);
      // The keyboard is the host's until somebody searches.
      if (face_.browser().is_typing()) getWindow().focus();
    } else {
      face_.release();
    }
    is_stale_ = true;
    return true;
  }

  bool onMotion(const MotionEvent& event) override {
    return used(face_.drag(event.pos.getX(), event.pos.getY(), (event.mod & kModifierShift) != 0));
  }

  bool onScroll(const ScrollEvent& event) override {
    face().wheel(event.pos.getX(), event.pos.getY(), (event.mod & kModifierShift) != 0,
                 event.delta.getY());
    is_stale_ = true;
    return true;
  }

  bool onCharacterInput(const CharacterInputEvent& event) override {
    if (event.character < ' ' || event.character == kKeyDelete) return false;
    if ((event.mod & (kModifierControl | kModifierAlt | kModifierSuper)) != 0) return false;
    return used(face_.browser().type(event.string));
  }

  bool onKeyboard(const KeyboardEvent& event) override {
    astfx::window::Browser& browser = face_.browser();
    if (!event.press) return false;
    switch (event.key) {
      case kKeyBackspace: return used(browser.erase());
      case kKeyEscape: return used(browser.leave());
      case kKeyUp: return used(browser.is_typing() && browser.step(-1));
      case kKeyDown: return used(browser.is_typing() && browser.step(1));
      case '\r': return used(browser.is_typing() && browser.accept());
    }
    return browser.is_typing();
  }

 private:
  // Events can come before the window is drawn in its size.
  astfx::window::Face& face() {
    face_.fit(getWidth(), getHeight());
    return face_;
  }

  static constexpr double kLeastSeconds = 0.03;

  bool used(bool is_used) {
    is_stale_ = is_stale_ || is_used;
    return is_used;
  }

  astfx::window::Face face_;
  astfx::window::FileDrag file_drag_;
  std::chrono::steady_clock::time_point last_idle_ = std::chrono::steady_clock::now();
  bool is_stale_ = true;
};

UI* createUI() { return new AstfxWindow; }

END_NAMESPACE_DISTRHO
