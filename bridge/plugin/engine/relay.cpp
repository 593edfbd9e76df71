#include "relay.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "denormals.hpp"

namespace astfx {

namespace {

// At 48 kHz. A fade needs as many finished frames ahead of those that are heard.
constexpr double kFadeFrames = 256.0;
// The shortest block that the other process takes, as in bridge/astfx_bridge/live/backend.py.
constexpr double kLeastFrames = 128.0;
// The least buffer, which leaves 13 ms for a block of 5 ms.
constexpr double kBufferFrames = 1024.0;
constexpr int kLongestBlock = 8192;
constexpr float kMostGain = 100.0f;
constexpr double kKeptSeconds = 2.5;
constexpr auto kStep = std::chrono::microseconds(200);

// The value of a setting; 0 where it is no number.
float within(const std::atomic<float>& setting, float most) {
  const float value = setting.load(std::memory_order_relaxed);
  return value >= 0.0f ? std::min(value, most) : 0.0f;
}

int at_rate(double frames, int sample_rate) {
  return static_cast<int>(std::lround(frames * sample_rate / 48000.0));
}

int buffer_of(int sample_rate, int longest) {
  const int spare = at_rate(kFadeFrames, sample_rate) + at_rate(kLeastFrames, sample_rate);
  return std::max(at_rate(kBufferFrames, sample_rate), std::min(longest, kLongestBlock) + spare);
}

int kept_frames(int sample_rate, int latency) {
  return std::max(static_cast<int>(kKeptSeconds * sample_rate), 4 * latency + 2 * kLongestBlock);
}

}  // namespace

Relay::Relay(int sample_rate, int channels, int longest, const Settings& settings, Meters& meters)
    : sample_rate_(sample_rate),
      channels_(channels),
      longest_(longest),
      engine_latency_(stream_latency_samples(sample_rate)),
      buffer_(buffer_of(sample_rate, longest)),
      fade_(at_rate(kFadeFrames, sample_rate)),
      settings_(settings),
      meters_(meters),
      ring_(sample_rate, channels, kept_frames(sample_rate, engine_latency_ + buffer_), engine_latency_),
      gains_(static_cast<size_t>(engine_latency_ + buffer_), 1.0f),
      bypasses_(gains_.size(), 0.0f) {}

int Relay::latency(int sample_rate, int longest) {
  return stream_latency_samples(sample_rate) + buffer_of(sample_rate, longest);
}

void Relay::begin(const PresetPlaces& presets, bool waits) {
  RingHeader& header = ring_.header();
  presets_ = presets;
  position_ = 0;
  level_ = 0.0f;
  is_fresh_ = true;
  was_heard_ = false;
  place_ = 0;
  std::fill(gains_.begin(), gains_.end(), 1.0f);
  std::fill(bypasses_.begin(), bypasses_.end(), 0.0f);
  gain_.reset();
  bypass_.reset();
  n_late.store(0, std::memory_order_relaxed);
  is_heard.store(false, std::memory_order_relaxed);
  header.n_input.set(0);
  header.n_events.set(0);
  header.waits.set(waits);
  last_ = {};
  has_begun_ = false;
  begin_stream();
}

// Without a preset there is nothing to do for the other process.
void Relay::begin_stream() {
  if (has_begun_ || presets_.first.size == 0) return;
  has_begun_ = true;
  add_event();
  RingHeader& header = ring_.header();
  header.stream.set(header.stream.get() + 1);
}

void Relay::add_event() {
  RingEvent event{};
  event.frame = position_;
  event.strength = within(settings_.strength, 1.0f);
  event.mix = within(settings_.mix, 1.0f);
  event.morph = within(settings_.morph, 1.0f);
  event.first = presets_.first;
  event.second = presets_.second;
  event.renders = settings_.renders.load(std::memory_order_relaxed) ? 1 : 0;
  const bool is_same = event.strength == last_.strength && event.mix == last_.mix &&
                       event.morph == last_.morph && event.first.place == last_.first.place &&
                       event.second.place == last_.second.place &&
                       event.renders == last_.renders;
  if (is_same) return;
  last_ = event;
  ring_.add(event);
}

// Whether the other process has finished these frames of output. It may have written any number.
bool Relay::has(uint64_t from, uint64_t until) const {
  const RingHeader& header = ring_.header();
  if (header.ready.get() != header.stream.value.load(std::memory_order_relaxed)) return false;
  const uint64_t end = header.n_output.get();  // read before the beginning, which is written first
  return end >= until && end - from <= ring_.frames() && header.first_output.get() <= from;
}

void Relay::wait_for(uint64_t from, uint64_t until, std::chrono::seconds patience) const {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!has(from, until) && !is_hopeless.load(std::memory_order_acquire) &&
         std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(kStep);
}

void Relay::process(const float* const* input, float* const* output, int n,
                    const PresetPlaces* presets, std::chrono::seconds patience) {
  const FlushDenormals flush;
  ring_.header().waits.set(patience.count() > 0);
  if (presets != nullptr) presets_ = *presets;
  if (has_begun_)
    add_event();
  else
    begin_stream();
  gain_.begin(within(settings_.gain, kMostGain), sample_rate_);
  bypass_.begin(settings_.bypass.load(std::memory_order_relaxed) ? 1.0f : 0.0f, sample_rate_);
  for (int first = 0; first < n; first += kLongestBlock)
    part(input, output, first, std::min(n - first, kLongestBlock), patience);
}

void Relay::part(const float* const* input, float* const* output, int first, int n,
                 std::chrono::seconds patience) {
  float peaks[2] = {};
  for (int i = 0; i < n; ++i) {
    float* frame = ring_.input(position_ + static_cast<uint64_t>(i));
    for (int channel = 0; channel < channels_; ++channel) {
      const float sample = input[channel][first + i];
      frame[channel] = std::isfinite(sample) ? sample : 0.0f;
      peaks[0] = std::max(peaks[0], std::abs(frame[channel]));
    }
  }
  const uint64_t begin = position_;
  position_ += static_cast<uint64_t>(n);
  ring_.header().n_input.set(position_);

  // Frames of the output. Those before the first one are silence.
  const uint64_t buffer = static_cast<uint64_t>(buffer_), fade = static_cast<uint64_t>(fade_);
  const uint64_t until = position_ + fade > buffer ? position_ + fade - buffer : 0;
  const uint64_t from = begin > buffer ? begin - buffer : 0;
  if (patience.count() > 0 && has_begun_) wait_for(from, until, patience);
  const bool is_there = has_begun_ && has(from, until);
  if (is_there) was_heard_ = true;
  if (!is_there && was_heard_) n_late.fetch_add(1, std::memory_order_relaxed);
  const float aim = is_there ? 1.0f : 0.0f, step = 1.0f / static_cast<float>(fade_);
  if (is_fresh_) level_ = aim;
  is_fresh_ = false;
  is_heard.store(level_ > 0.0f || is_there, std::memory_order_relaxed);

  const uint64_t latency = static_cast<uint64_t>(engine_latency_);
  for (int i = 0; i < n; ++i) {
    level_ = level_ < aim ? std::min(aim, level_ + step) : std::max(aim, level_ - step);
    const float gain_now = gain_.next(), bypass_now = bypass_.next();
    const float gain = gains_[place_], bypass = bypasses_[place_];
    gains_[place_] = gain_now + (1.0f - gain_now) * bypass_now;
    bypasses_[place_] = bypass_now;
    place_ = place_ + 1 == gains_.size() ? 0 : place_ + 1;
    const uint64_t shifted = begin + static_cast<uint64_t>(i);
    const bool has_begun = shifted >= buffer + latency;
    const float* dry = ring_.input(shifted - buffer - latency);
    const float* wet = ring_.output(shifted - buffer);
    for (int channel = 0; channel < channels_; ++channel) {
      float sample = has_begun ? dry[channel] : 0.0f;
      if (level_ > 0.0f && has_begun) {
        const float finished = std::isfinite(wet[channel]) ? wet[channel] : sample;
        sample = level_ == 1.0f ? finished : sample + level_ * (finished - sample);
        if (bypass > 0.0f) sample = bypass == 1.0f ? dry[channel] : sample + bypass * (dry[channel] - sample);
      }
      // The other process may have written anything, even over the input.
      output[channel][first + i] = std::isfinite(sample) ? sample * gain : 0.0f;
      peaks[1] = std::max(peaks[1], std::abs(output[channel][first + i]));
    }
  }
  const auto raise = [](std::atomic<float>& meter, float peak) {
    if (peak > meter.load(std::memory_order_relaxed)) meter.store(peak, std::memory_order_relaxed);
  };
  raise(meters_.input, peaks[0]);
  raise(meters_.output, peaks[1]);
}

}  // namespace astfx
