// One instance of the plugin, without a plugin format: presets by number, loading, state.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "backend.hpp"
#include "effect.hpp"
#include "library.hpp"
#include "pace.hpp"
#include "preset.hpp"
#include "problems.hpp"
#include "relay.hpp"
#include "renders.hpp"

namespace astfx {

constexpr int kSlots = 2;  // the preset, and the one to morph to

// `live` runs here, `stream` in a Python process.
enum EngineKind : int { kEngineLive, kEngineStream, kEngines };

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
  // Any thread: choose the engine. It is used from the next activation on.
  void choose_engine(int engine) { engine_.store(engine, std::memory_order_relaxed); }
  int engine() const { return engine_.load(std::memory_order_relaxed); }
  // Whether the host renders offline, so that the audio thread may wait.
  void set_offline(bool offline) { offline_.store(offline, std::memory_order_relaxed); }
  bool is_offline() const { return offline_.load(std::memory_order_relaxed); }
  // The host may set presets only with the first block, which may then wait for them.
  void wait_at_start() { waits_at_start_ = true; }

  // While no audio is processed: get ready for a sample rate, with the chosen presets loaded. `longest` is
  // the most frames that the host gives at a time.
  void activate(double sample_rate, int longest);
  // Of the chosen engine, in samples; 0 at rates that the engines do not have.
  int latency(double sample_rate, int longest) const;
  // Of the engine that is used.
  int latency_in_use() const;

  // The audio thread.
  void process(const float* const* input, float* const* output, int n);

  // Not the audio thread: a slot's preset as text, "NUMBER NAME SHA256", and its file in base64 where it
  // is not a factory preset. A text that cannot be used changes nothing and returns false.
  std::string state(int slot);
  bool set_state(int slot, const std::string& text);
  // Any thread: what kind of problem a preset has. The host's terminal has the sentence.
  PresetProblem preset_problem() const;
  // How the Python process is, and how many blocks were dry because it was late.
  BackendState backend_state() const { return backend_ ? backend_->state() : kBackendUnused; }
  int backend_process_id() const { return backend_ ? backend_->process_id() : -1; }
  // The region that was rendered last.
  Renders renders() const;
  long late_blocks() const { return relay_ ? static_cast<long>(relay_->n_late.load()) : 0; }

  float input_peak() { return meters_.input.exchange(0.0f); }
  float output_peak() { return meters_.output.exchange(0.0f); }
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
    std::chrono::steady_clock::time_point time{};
  };

  void work() override;
  Wanted wanted() const;
  void load(const Wanted& wanted);
  void load_for_relay(const Wanted& wanted);
  std::string bytes(int slot, int index);
  void activate_relay(int rate, int longest);
  std::shared_ptr<const Preset> preset(int slot, int index);
  void part(const float* const* input, float* const* output, int first, int n, bool takes);
  std::chrono::seconds patience() const;
  void note(int slot, Source source, PresetProblem kind, const std::string& sentence);
  void forget(int slot, Source source) { note(slot, source, kNoProblem, ""); }
  void forget_old_problems(const Wanted& wanted);

  const int channels_;
  Library library_;
  Meters meters_;
  std::unique_ptr<Effect> effect_;  // of the engine `live`
  std::unique_ptr<Relay> relay_;    // of the engine `stream`
  std::unique_ptr<Backend> backend_;
  PresetPlaces places_;  // the presets of the relay that were loaded last
  std::shared_ptr<Worker> loader_, maps_;
  std::array<std::atomic<int>, kSlots> chosen_{};
  std::atomic<int> version_{0};
  std::atomic<bool> offline_{false};
  std::atomic<int> engine_{kEngineLive};
  bool waits_at_start_ = false;

  std::atomic<int> stage_{kIdle};
  Wanted asked_{-1, -1, -1};
  Wanted loaded_{-1, -1, -1};  // for the thread that loads
  long position_ = 0, due_ = 0;
  int sample_rate_ = 0, longest_ = 0;
  Pace pace_;

  std::mutex mutex_;  // of what is below; never locked by the audio thread
  std::array<std::optional<Kept>, kSlots> kept_;
  std::array<std::array<Problem, kSourceCount>, kSlots> problems_;
};

}  // namespace astfx
