#include "instance.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>
#include <thread>

#include "base64.hpp"
#include "style_model.hpp"

namespace astfx {

namespace {

constexpr double kChangeSeconds = 0.15;
constexpr double kWatchedSeconds = 2.0;
constexpr double kLowestRate = 8000.0, kHighestRate = 192000.0;
constexpr auto kLongestWait = std::chrono::seconds(20);
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

int Instance::latency(double sample_rate) {
  if (!(sample_rate >= kLowestRate && sample_rate <= kHighestRate)) return 0;
  return latency_samples(static_cast<int>(std::lround(sample_rate)));
}

void Instance::activate(double sample_rate) {
  loader_->remove(this);
  if (latency(sample_rate) == 0 || channels_ < 1) {
    effect_.reset();
    return;
  }
  const int rate = static_cast<int>(std::lround(sample_rate));
  if (!effect_ || effect_->sample_rate() != rate) {
    effect_ = std::make_unique<Effect>(rate, channels_, settings);
    loaded_ = {-1, -1, -1};
  }
  stage_ = kIdle;
  asked_ = wanted();
  load(asked_);
  effect_->reset();
  effect_->empty_trash();
  position_ = 0;
  earlier_ = later_ = {std::chrono::steady_clock::now(), 0};
  loader_->add(this);
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

void Instance::load(const Wanted& wanted) {
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
  effect_->empty_trash();
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
  effect_->process(inputs, outputs, n, takes);
  position_ += n;
}

// Whether the audio of the last seconds has come at more than twice the speed of real time.
bool Instance::comes_fast() {
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - earlier_.time;
  const double audio = static_cast<double>(position_ - earlier_.position) / effect_->sample_rate();
  return audio >= kWatchedSeconds && passed.count() < 0.5 * audio;
}

void Instance::process(const float* const* input, float* const* output, int n) {
  if (!effect_) {
    for (int channel = 0; channel < channels_; ++channel)
      for (int i = 0; i < n; ++i)
        output[channel][i] = std::isfinite(input[channel][i]) ? input[channel][i] : 0.0f;
    return;
  }
  const bool offline =
      offline_.load(std::memory_order_relaxed) || (waits_at_start_ && position_ == 0);
  if (stage_.load(std::memory_order_relaxed) == kIdle && wanted() != asked_) {
    asked_ = wanted();
    // Offline, what is set before the first sample is heard from the first sample on.
    const bool at_once = offline && position_ == 0;
    due_ = position_ + (at_once ? 0 : std::lround(kChangeSeconds * effect_->sample_rate()));
    stage_.store(kAsked, std::memory_order_release);
  }
  if (static_cast<double>(position_ - later_.position) > kWatchedSeconds * effect_->sample_rate()) {
    earlier_ = later_;
    later_ = {std::chrono::steady_clock::now(), position_};
  }
  int done = 0;
  bool takes = false;
  if (stage_.load(std::memory_order_relaxed) != kIdle && position_ + n > due_) {
    done = static_cast<int>(std::max(0L, due_ - position_));
    if (done > 0) part(input, output, 0, done, false);
    // An offline render waits for the preset.
    if (offline || comes_fast()) {
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
  problem.sentence = sentence;
  problem.time = std::chrono::steady_clock::now();
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

std::string Instance::problem() {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& slot : problems_)
    for (const Problem& problem : slot)
      if (problem.kind != kNoProblem) return problem.sentence;
  return "";
}

}  // namespace astfx
