// The effect around the engine: blocks of any size, controls, morphing and changes of style, as in
// astfx/streaming/streamer.py and astfx/effect/controls.py.
#pragma once

#include <array>
#include <atomic>
#include <vector>

#include "controls.hpp"
#include "voice.hpp"

namespace astfx {

// Controls of the effect. Any thread may set them; the audio thread reads them once in a block.
struct Settings {
  std::atomic<float> strength{1.0f}, mix{1.0f}, morph{0.0f};
  std::atomic<float> gain{1.0f};  // linear, of the output
  std::atomic<bool> bypass{false};
  std::atomic<bool> renders{false};  // whether the input is part of a region to render
};

// Levels for meters, since they were read last.
struct Meters {
  std::atomic<float> input{0.0f}, output{0.0f};
};

class Effect {
 public:
  Effect(int sample_rate, int channels, const Settings& settings, Meters& meters);
  ~Effect();
  Effect(const Effect&) = delete;
  Effect& operator=(const Effect&) = delete;

  int latency() const { return latency_; }
  int sample_rate() const { return sample_rate_; }
  int channels() const { return channels_; }

  // While no audio is processed: forget what was heard, without fades. A change of styles that waits
  // is made at once.
  void reset();

  // From one other thread: change styles. They fade in when their engines have filled their delay.
  // The effect owns the change and its voices.
  void change(StyleChange* change);
  void empty_trash() { trash_.empty(); }
  // Whether the audio thread has not taken the last change yet.
  bool has_change() const { return waiting_.load(std::memory_order_acquire) != nullptr; }
  // How many Monge maps the audio thread had to compute itself.
  int n_own_maps() const { return n_own_maps_.load(std::memory_order_relaxed); }

  // From the audio thread. Inputs and outputs may share memory. Without a style, the output is the
  // input, late. A change of styles is taken if `takes_changes` is true.
  void process(const float* const* input, float* const* output, int n, bool takes_changes = true);

 private:
  struct Stations {
    Voice* first = nullptr;
    Voice* second = nullptr;
  };

  void take_change(bool takes_new);
  void apply(const StyleChange& change, Stations& stations) const;
  void fade_to(Stations stations);
  void use(Voice* voice);
  bool is_wanted(const Voice* voice) const;
  void take_curves(int n);
  void hop();
  void feed(Voice& voice, const float* const* hop, double strength);
  void write(float* const* output, int first, int at, int n, int place);
  void sweep();

  const Settings& settings_;
  Meters& meters_;
  int sample_rate_, channels_, hop_length_, latency_;
  long fade_length_, fade_left_ = 0;
  Stations stations_, next_;
  bool has_next_ = false, is_fresh_ = true;
  StyleChange* incoming_ = nullptr;
  std::atomic<StyleChange*> waiting_{nullptr};
  std::array<Voice*, 16> voices_{};
  int n_voices_ = 0;
  Trash trash_;
  std::atomic<int> n_own_maps_{0};

  Ramp strength_, mix_, morph_, gain_, bypass_;
  WetFade wet_fade_;
  std::vector<float> hop_, recent_;               // (channels, hop_length)
  std::vector<float> dry_;                        // (channels, latency)
  std::vector<float> wet_, gains_;                // (latency)
  std::vector<float> wet_curve_, gain_curve_;     // (hop_length)
  std::vector<const float*> pointers_;
  std::vector<float*> done_pointers_;
  double strength_sum_ = 0.0, recent_strength_ = 0.0;
  long n_hops_ = 0, n_in_ = 0;
  int filled_ = 0, ring_ = 0;
};

}  // namespace astfx
