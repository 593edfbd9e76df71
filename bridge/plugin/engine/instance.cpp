#include "instance.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>
#include <thread>

#include "base64.hpp"
#include "say.hpp"
#include "style_model.hpp"

namespace astfx {

namespace {

constexpr double kChangeSeconds = 0.15;
constexpr double kLowestRate = 8000.0, kHighestRate = 192000.0;
constexpr auto kLongestWait = std::chrono::seconds(20);
constexpr std::chrono::seconds kLongestPatience(120), kShortPatience(1);
// A host sets what a project has within this time. A choice after it is the user's.
constexpr auto kOpeningTime = std::chrono::seconds(2);
// The longest text of a state: a preset's largest file in base64, with its number, name and hash.
constexpr size_t kMostStateBytes = static_cast<size_t>(kMaxFileBytes) / 3 * 4 + 1000;

}  // namespace

Instance::Instance(int channels)
    : channels_(channels),
      library_(Library::scan()),
      loader_(Worker::of_presets()),
      maps_(Worker::of_maps()) {}

Instance::~Instance() { loader_->remove(this); }

int Instance::latency(double sample_rate, int longest) const {
  if (!(sample_rate >= kLowestRate && sample_rate <= kHighestRate)) return 0;
  const int rate = static_cast<int>(std::lround(sample_rate));
  return engine() == kEngineStream ? Relay::latency(rate, longest) : latency_samples(rate);
}

int Instance::latency_in_use() const {
  if (relay_) return Relay::latency(sample_rate_, longest_);
  return effect_ ? effect_->latency() : 0;
}

void Instance::activate(double sample_rate, int longest) {
  loader_->remove(this);
  const bool is_possible = latency(sample_rate, longest) > 0 && channels_ > 0;
  const bool is_stream = is_possible && engine() == kEngineStream;
  if (!is_possible || is_stream) effect_.reset();
  if (!is_stream) {
    backend_.reset();
    relay_.reset();
  }
  if (!is_possible) return;
  sample_rate_ = static_cast<int>(std::lround(sample_rate));
  longest_ = longest;
  stage_ = kIdle;
  asked_ = wanted();
  if (is_stream) {
    activate_relay(sample_rate_, longest);
    if (!relay_) return;
  } else {
    if (!effect_ || effect_->sample_rate() != sample_rate_) {
      effect_ = std::make_unique<Effect>(sample_rate_, channels_, settings, meters_);
      loaded_ = {-1, -1, -1};
    }
    load(asked_);
    effect_->reset();
    effect_->empty_trash();
  }
  position_ = 0;
  pace_.reset(sample_rate_);
  loader_->add(this);
}

void Instance::activate_relay(int rate, int longest) {
  if (!relay_ || relay_->sample_rate() != rate || relay_->longest() != longest) {
    const Renders before = renders().interrupted();
    backend_.reset();
    relay_.reset();
    try {
      relay_ = std::make_unique<Relay>(rate, channels_, longest, settings, meters_);
    } catch (const std::system_error& error) {
      say(error.what());
      return;
    }
    relay_->ring().header().renders.set(before.packed());
    backend_ = std::make_unique<Backend>(*relay_);
    loaded_ = {-1, -1, -1};
    places_ = {};
  }
  load(asked_);
  relay_->begin(places_, offline_.load(std::memory_order_relaxed) || waits_at_start_);
}

Renders Instance::renders() const {
  return relay_ ? Renders::unpacked(relay_->ring().header().renders.get()) : Renders();
}

Instance::Wanted Instance::wanted() const {
  return {chosen(0), chosen(1), version_.load(std::memory_order_acquire)};
}

std::shared_ptr<const Preset> Instance::preset(int slot, int index) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (kept_[slot] && kept_[slot]->index == index) {
      problems_[slot][kOfChoice].kind = kNoProblem;
      return kept_[slot]->preset;
    }
  }
  const LibraryEntry* entry = library_.at(index);
  if (entry == nullptr) {
    note(slot, kOfChoice, kPresetIsMissing,
         "preset " + std::to_string(index) + " is not on this machine");
    return nullptr;
  }
  try {
    auto found = std::make_shared<const Preset>(load_preset(entry->path));
    forget(slot, kOfChoice);
    return found;
  } catch (const PresetError& error) {
    note(slot, kOfChoice, kPresetIsDamaged, error.what());
    return nullptr;
  }
}

std::string Instance::bytes(int slot, int index) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (kept_[slot] && kept_[slot]->index == index && !kept_[slot]->bytes.empty())
      return kept_[slot]->bytes;
  }
  const LibraryEntry* entry = library_.at(index);
  return entry == nullptr ? "" : packed_preset(entry->path);
}

void Instance::load_for_relay(const Wanted& wanted) {
  const std::shared_ptr<const Preset> first = preset(0, wanted.first);
  const std::shared_ptr<const Preset> second = preset(1, wanted.second);
  const bool is_same = !second || (first && first->sha256 == second->sha256);
  try {
    Ring& ring = relay_->ring();
    if (first) places_.first = ring.keep(first->sha256, bytes(0, wanted.first));
    places_.second = is_same ? PresetPlace{} : ring.keep(second->sha256, bytes(1, wanted.second));
  } catch (const std::exception& error) {
    say(error.what());
  }
  loaded_ = wanted;
}

void Instance::load(const Wanted& wanted) {
  if (relay_) {
    load_for_relay(wanted);
    return;
  }
  const std::shared_ptr<const Preset> first = preset(0, wanted.first);
  const std::shared_ptr<const Preset> second = preset(1, wanted.second);
  const bool was_same = loaded_.first == loaded_.second;
  const bool is_same = !second || (first && first->sha256 == second->sha256);
  const bool is_new = wanted.version != loaded_.version;
  const auto voice = [&](const Preset& preset) {
    const int rate = effect_->sample_rate();
    return new Voice(style_model(style_frames(preset, rate), rate), channels_, maps_);
  };
  auto change = std::make_unique<StyleChange>();
  if (first && (is_new || wanted.first != loaded_.first)) change->first = voice(*first);
  change->second_is_first = is_same;
  if (!is_same && (is_new || was_same || wanted.second != loaded_.second))
    change->second = voice(*second);
  loaded_ = wanted;
  if (is_same) loaded_.second = loaded_.first;
  effect_->change(change.release());
}

void Instance::work() {
  if (effect_) effect_->empty_trash();
  if (stage_.load(std::memory_order_acquire) != kAsked) return;
  forget_old_problems(asked_);
  load(asked_);
  stage_.store(kLoaded, std::memory_order_release);
}

void Instance::part(const float* const* input, float* const* output, int first, int n, bool takes) {
  const float* inputs[2];
  float* outputs[2];
  for (int channel = 0; channel < channels_; ++channel) {
    inputs[channel] = input[channel] + first;
    outputs[channel] = output[channel] + first;
  }
  if (relay_)
    relay_->process(inputs, outputs, n, takes ? &places_ : nullptr, patience());
  else
    effect_->process(inputs, outputs, n, takes);
  position_ += n;
}

// How long the audio thread may wait for the other process.
std::chrono::seconds Instance::patience() const {
  const bool is_simple = waits_at_start_ && !pace_.is_real_time();
  if (offline_.load(std::memory_order_relaxed) || is_simple) return kLongestPatience;
  // A host may also be fast because it was held up, and catches up.
  return pace_.is_fast() ? kShortPatience : std::chrono::seconds(0);
}

void Instance::process(const float* const* input, float* const* output, int n) {
  if (!effect_ && !relay_) {
    for (int channel = 0; channel < channels_; ++channel)
      for (int i = 0; i < n; ++i)
        output[channel][i] = std::isfinite(input[channel][i]) ? input[channel][i] : 0.0f;
    return;
  }
  pace_.enter();
  const bool offline =
      offline_.load(std::memory_order_relaxed) || (waits_at_start_ && position_ == 0);
  // The engine too can be chosen before the first sample of an offline render.
  if (offline && position_ == 0 && (engine() == kEngineStream) != (relay_ != nullptr)) {
    activate(sample_rate_, longest_);
    if (!effect_ && !relay_) return process(input, output, n);
  }
  if (stage_.load(std::memory_order_relaxed) == kIdle && wanted() != asked_) {
    asked_ = wanted();
    // Offline, what is set before the first sample is heard from the first sample on.
    const bool at_once = offline && position_ == 0;
    due_ = position_ + (at_once ? 0 : std::lround(kChangeSeconds * sample_rate_));
    stage_.store(kAsked, std::memory_order_release);
  }
  int done = 0;
  bool takes = false;
  if (stage_.load(std::memory_order_relaxed) != kIdle && position_ + n > due_) {
    done = static_cast<int>(std::max(0L, due_ - position_));
    if (done > 0) part(input, output, 0, done, false);
    // An offline render waits for the preset.
    if (offline || pace_.is_fast()) {
      const auto end = std::chrono::steady_clock::now() + kLongestWait;
      while (stage_.load(std::memory_order_acquire) != kLoaded &&
             std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (stage_.load(std::memory_order_acquire) == kLoaded) {
      takes = true;
      stage_.store(kIdle, std::memory_order_relaxed);
    }
  }
  if (done < n) part(input, output, done, n - done, takes);
  pace_.leave(n);
}

std::string Instance::state(int slot) {
  const int index = chosen(slot);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (kept_[slot] && kept_[slot]->index == index) {
      const Kept& kept = *kept_[slot];
      std::string text = std::to_string(index) + " " + kept.preset->name + " " + kept.preset->sha256;
      return kept.bytes.empty() ? text : text + " " + base64(kept.bytes);
    }
  }
  const LibraryEntry* entry = library_.at(index);
  if (entry == nullptr) return std::to_string(index);
  try {
    const Preset found = load_preset(entry->path);
    const std::string text = std::to_string(index) + " " + found.name + " " + found.sha256;
    return entry->is_factory() ? text : text + " " + base64(packed_preset(entry->path));
  } catch (const PresetError& error) {
    note(slot, kOfChoice, kPresetIsDamaged, error.what());
    return std::to_string(index);
  }
}

bool Instance::set_state(int slot, const std::string& text) {
  if (slot < 0 || slot >= kSlots) return false;
  if (text.size() > kMostStateBytes) {
    note(slot, kOfProject, kPresetIsDamaged,
         "a preset of the project has more than " + std::to_string(kMostStateBytes) + " characters");
    return false;
  }
  std::istringstream words(text);
  int index = -1;
  std::string name, sha256, data;
  const auto damaged = [&](const std::string& reason) {
    note(slot, kOfProject, kPresetIsDamaged, reason);
    return false;
  };
  if (!(words >> index) || index < 0 || index > kHighestPreset)
    return damaged("a preset of the project has no number from 0 to " +
                   std::to_string(kHighestPreset));
  std::optional<Kept> kept;
  bool has_changed = false;
  if (words >> name) {
    if (!(words >> sha256) || !is_preset_name(name) || sha256.size() != 64)
      return damaged("a preset of the project has no name and SHA-256");
    words >> data;
    try {
      if (!data.empty()) {
        const std::optional<std::string> bytes = from_base64(data);
        if (!bytes) throw PresetError("preset '" + name + "' of the project is damaged");
        auto preset = std::make_shared<const Preset>(
            unpack_preset(*bytes, "preset '" + name + "' of the project"));
        if (preset->name != name || preset->sha256 != sha256)
          throw PresetError("preset '" + name + "' of the project is not the one that was saved");
        kept = Kept{index, std::move(preset), *bytes};
      } else {
        const LibraryEntry* entry = library_.at(index);
        if (entry == nullptr || entry->name != name) entry = library_.named(name);
        if (entry == nullptr) {
          note(slot, kOfProject, kPresetIsMissing,
               "preset '" + name + "' of the project is not on this machine");
          return false;
        }
        auto preset = std::make_shared<const Preset>(load_preset(entry->path));
        has_changed = preset->sha256 != sha256;
        kept = Kept{index, std::move(preset),
                    entry->is_factory() ? "" : packed_preset(entry->path)};
      }
    } catch (const PresetError& error) {
      return damaged(error.what());
    }
  }
  if (has_changed)
    note(slot, kOfProject, kPresetHasChanged,
         "preset '" + name + "' has changed since the project was saved");
  else
    forget(slot, kOfProject);
  if (kept) forget(slot, kOfChoice);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    kept_[slot] = std::move(kept);
  }
  chosen_[slot].store(index, std::memory_order_relaxed);
  version_.fetch_add(1, std::memory_order_release);
  return true;
}

void Instance::note(int slot, Source source, PresetProblem kind, const std::string& sentence) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Problem& problem = problems_[slot][source];
  problem.kind = kind;
  problem.time = std::chrono::steady_clock::now();
  if (!sentence.empty()) say(sentence);
}

// Another choice than the project's ends what is said of the project.
void Instance::forget_old_problems(const Wanted& wanted) {
  for (int slot = 0; slot < kSlots; ++slot) {
    const bool is_other = slot == 0 ? wanted.first != loaded_.first : wanted.second != loaded_.second;
    bool is_old;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      is_old = std::chrono::steady_clock::now() - problems_[slot][kOfProject].time > kOpeningTime;
    }
    if (is_other && is_old) forget(slot, kOfProject);
  }
}

PresetProblem Instance::preset_problem() const {
  for (const auto& slot : problems_)
    for (const Problem& problem : slot)
      if (const int kind = problem.kind.load(std::memory_order_relaxed))
        return static_cast<PresetProblem>(kind);
  return kNoProblem;
}

}  // namespace astfx
