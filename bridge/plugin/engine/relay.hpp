// The audio thread's side of an effect that another process runs. It passes its input on and takes what
// is finished. What is not finished in time is dry: the input, at the same delay, after a cross-fade.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "controls.hpp"
#include "effect.hpp"
#include "ring.hpp"

namespace astfx {

// The presets of an effect. Sizes of 0 mean that there is none.
struct PresetPlaces {
  PresetPlace first, second;
};

class Relay {
 public:
  // `longest` is the most frames that the host gives at a time. Throws std::system_error.
  Relay(int sample_rate, int channels, int longest, const Settings& settings, Meters& meters);

  // Delay in frames: that of the engine `stream`, and the time that the other process has.
  static int latency(int sample_rate, int longest);

  int sample_rate() const { return sample_rate_; }
  int longest() const { return longest_; }
  Ring& ring() { return ring_; }

  // While no audio is processed: start again. If `waits`, the host renders offline.
  void begin(const PresetPlaces& presets, bool waits);

  // The audio thread. New presets, if any, are used from the first frame on. It waits for the other
  // process for up to `patience`, unless `is_hopeless` is true.
  void process(const float* const* input, float* const* output, int n, const PresetPlaces* presets,
               std::chrono::seconds patience);
  uint64_t position() const { return position_; }

  // Set by whoever looks after the other process: nobody will ever finish a frame.
  std::atomic<bool> is_hopeless{false};
  // Blocks that were dry because they were late, since `begin`.
  std::atomic<uint64_t> n_late{0};
  // Whether some of the last block was finished by the other process.
  std::atomic<bool> is_heard{false};

 private:
  void part(const float* const* input, float* const* output, int first, int n,
            std::chrono::seconds patience);
  void begin_stream();
  void add_event();
  bool has(uint64_t from, uint64_t until) const;
  void wait_for(uint64_t from, uint64_t until, std::chrono::seconds patience) const;

  const int sample_rate_, channels_, longest_, engine_latency_, buffer_, fade_;
  const Settings& settings_;
  Meters& meters_;
  mutable Ring ring_;
  uint64_t position_ = 0;
  PresetPlaces presets_;
  RingEvent last_{};
  float level_ = 0.0f;  // share of what the other process has finished
  bool has_begun_ = false, is_fresh_ = true, was_heard_ = false;
  Ramp gain_, bypass_;
  std::vector<float> gains_, bypasses_;  // of the input that has not come out yet
  size_t place_ = 0;
};

}  // namespace astfx
