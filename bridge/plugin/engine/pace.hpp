// How fast a host plays, seen by the plugin.
#pragma once

#include <chrono>

namespace astfx {

class Pace {
 public:
  void reset(int sample_rate) {
    sample_rate_ = sample_rate;
    earlier_ = later_ = now_ = {};
    left_ = Clock::now();
  }
  // The host calls the plugin.
  void enter() { now_.outside += Clock::now() - left_; }
  // The plugin returns.
  void leave(int n) {
    now_.frames += n;
    if (static_cast<double>(now_.frames - later_.frames) > kSeconds * sample_rate_) {
      earlier_ = later_;
      later_ = now_;
    }
    left_ = Clock::now();
  }
  // Whether the host was busy elsewhere for less than half the duration of the last seconds of audio. In
  // real time, a host would have waited for the sound card.
  bool is_fast() const { return audio() >= kSeconds && outside() < 0.5 * audio(); }
  bool is_real_time() const { return audio() >= kSeconds && outside() >= 0.5 * audio(); }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr double kSeconds = 2.0;
  struct Moment {
    long frames = 0;
    std::chrono::duration<double> outside{0.0};
  };
  double audio() const { return static_cast<double>(now_.frames - earlier_.frames) / sample_rate_; }
  double outside() const { return (now_.outside - earlier_.outside).count(); }

  int sample_rate_ = 1;
  Moment earlier_, later_, now_;  // a few seconds ago, a few before, and now
  Clock::time_point left_;
};

}  // namespace astfx
