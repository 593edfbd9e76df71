// One instance of the plugin, without a plugin format: presets by number, loading, state.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "effect.hpp"
#include "library.hpp"
#include "preset.hpp"
#include "problems.hpp"

namespace astfx {

constexpr int kSlots = 2;  // the preset, and the one to morph to

class Instance : private Task {
 public:
  explicit Instance(int channels);
  ~Instance() override;
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  Settings settings;
  const Library& library() const { return library_; }

  // Any thread: choose presets by number. They are heard kChangeSeconds later, at the same sample in
  // every run.
  void choose(int slot, int index) { chosen_[slot].store(index, std::memory_order_relaxed); }
  int chosen(int slot) const { return chosen_[slot].load(std::memory_order_relaxed); }
  // Whether the host renders offline, so that the audio thread may wait.
  void set_offline(bool offline) { offline_.store(offline, std::memory_order_relaxed); }
  // The host may set presets only with the first block, which may then wait for them.
  void wait_at_start() { waits_at_start_ = true; }

  // While no audio is processed: get ready for a sample rate, with the chosen presets loaded.
  void activate(double sample_rate);
  // In samples at a sample rate; 0 at rates that the engine does not have.
  static int latency(double sample_rate);

  // The audio thread.
  void process(const float* const* input, float* const* output, int n);

  // Not the audio thread: a slot's preset as text, "NUMBER NAME SHA256", and its file in base64 where it
  // is not a factory preset. A text that cannot be used changes nothing and returns false.
  std::string state(int slot);
  bool set_state(int slot, const std::string& text);
  // A sentence about a preset that cannot be used; empty if there is none.
  std::string problem();
  // Any thread: what kind of problem that is.
  PresetProblem preset_problem() const;

  float input_peak() { return effect_ ? effect_->meters.input.exchange(0.0f) : 0.0f; }
  float output_peak() { return effect_ ? effect_->meters.output.exchange(0.0f) : 0.0f; }
  float late_maps() const { return effect_ ? static_cast<float>(effect_->n_own_maps()) : 0.0f; }

 private:
  // A preset that a state brought along, for a number.
  struct Kept {
    int index;
    std::shared_ptr<const Preset> preset;
    std::string bytes;  // empty for factory presets
  };
  struct Wanted {
    int first, second, version;
    bool operator!=(const Wanted& other) const {
      return first != other.first || second != other.second || version != other.version;
    }
  };
  enum Stage : int { kIdle, kAsked, kLoaded };
  // What a project brings and what is chosen by number can both be wrong.
  enum Source : int { kOfProject, kOfChoice, kSourceCount };
  struct Problem {
    std::atomic<int> kind{kNoProblem};
    std::string sentence;
    std::chrono::steady_clock::time_point time{};
  };

  void work() override;
  Wanted wanted() const;
  void load(const Wanted& wanted);
  std::shared_ptr<const Preset> preset(int slot, int index);
  void part(const float* const* input, float* const* output, int first, int n, bool takes);
  bool comes_fast();
  void note(int slot, Source source, PresetProblem kind, const std::string& sentence);
  void forget(int slot, Source source) { note(slot, source, kNoProblem, ""); }
  void forget_old_problems(const Wanted& wanted);

  const int channels_;
  Library library_;
  std::unique_ptr<Effect> effect_;
  std::shared_ptr<Worker> loader_, maps_;
  std::array<std::atomic<int>, kSlots> chosen_{};
  std::atomic<int> version_{0};
  std::atomic<bool> offline_{false};
  bool waits_at_start_ = false;

  std::atomic<int> stage_{kIdle};
  Wanted asked_{-1, -1, -1};
  Wanted loaded_{-1, -1, -1};  // for the thread that loads
  long position_ = 0, due_ = 0;
  // Moments of the stream, a few seconds ago and a few before, which show how fast the audio comes.
  struct Moment {
    std::chrono::steady_clock::time_point time;
    long position;
  };
  Moment earlier_{}, later_{};

  std::mutex mutex_;  // of what is below; never locked by the audio thread
  std::array<std::optional<Kept>, kSlots> kept_;
  std::array<std::array<Problem, kSourceCount>, kSlots> problems_;
};

}  // namespace astfx
