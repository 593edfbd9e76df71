#include "effect.hpp"

#include <algorithm>
#include <cmath>

#include "denormals.hpp"

namespace astfx {

Effect::Effect(int sample_rate, int channels, const Settings& settings, Meters& meters)
    : settings_(settings),
      meters_(meters),
      sample_rate_(sample_rate),
      channels_(channels),
      hop_length_(engine_grid(sample_rate).hop_length),
      latency_(latency_samples(sample_rate)),
      fade_length_(round_even(kFadeSeconds * sample_rate)),
      hop_(static_cast<size_t>(channels) * hop_length_),
      recent_(hop_.size()),
      dry_(static_cast<size_t>(channels) * latency_),
      wet_(latency_),
      gains_(latency_),
      wet_curve_(hop_length_),
      gain_curve_(hop_length_),
      pointers_(channels),
      done_pointers_(channels) {
  reset();
}

Effect::~Effect() {
  std::vector<Voice*> all(voices_.begin(), voices_.begin() + n_voices_);
  const auto add = [&](Voice* voice) {
    if (voice != nullptr && std::find(all.begin(), all.end(), voice) == all.end())
      all.push_back(voice);
  };
  for (const Stations& stations : {stations_, next_}) {
    add(stations.first);
    add(stations.second);
  }
  for (StyleChange* change : {incoming_, waiting_.load()}) {
    if (change == nullptr) continue;
    add(change->first);
    add(change->second);
    delete change;
  }
  for (Voice* voice : all) delete voice;
}

void Effect::reset() {
  if (incoming_ != nullptr) {
    Stations wanted = has_next_ ? next_ : stations_;
    apply(*incoming_, wanted);
    stations_ = wanted;
    has_next_ = false;
    delete incoming_;
    incoming_ = nullptr;
  }
  if (StyleChange* change = waiting_.exchange(nullptr)) {
    Stations wanted = has_next_ ? next_ : stations_;
    apply(*change, wanted);
    for (Voice* voice : {change->first, change->second})
      if (voice != nullptr) use(voice);
    stations_ = wanted;
    has_next_ = false;
    delete change;
  }
  if (has_next_) stations_ = next_;
  has_next_ = false;
  next_ = {};
  fade_left_ = 0;
  is_fresh_ = true;
  for (int i = 0; i < n_voices_; ++i) {
    Voice& voice = *voices_[i];
    voice.is_running = voice.is_held = voice.heard_in_hop = false;
    voice.last_heard = -1;
    voice.before = voice.last_share = 0.0f;
    std::fill(voice.shares.begin(), voice.shares.end(), 0.0f);
    std::fill(voice.done.begin(), voice.done.end(), 0.0f);
  }
  for (Ramp* ramp : {&strength_, &mix_, &morph_, &gain_, &bypass_}) ramp->reset();
  wet_fade_.reset();
  for (std::vector<float>* samples : {&hop_, &recent_, &dry_, &wet_})
    std::fill(samples->begin(), samples->end(), 0.0f);
  std::fill(gains_.begin(), gains_.end(), 1.0f);
  strength_sum_ = recent_strength_ = 0.0;
  n_hops_ = n_in_ = 0;
  filled_ = ring_ = 0;
  sweep();
}

void Effect::apply(const StyleChange& change, Stations& stations) const {
  if (change.first != nullptr) stations.first = change.first;
  if (change.second != nullptr) stations.second = change.second;
  if (change.second_is_first || stations.second == nullptr) stations.second = stations.first;
}

void Effect::change(StyleChange* change) {
  // A change that the audio thread has not taken yet goes into this one.
  if (StyleChange* earlier = waiting_.exchange(nullptr)) {
    if (change->first == nullptr)
      std::swap(change->first, earlier->first);
    if (change->second == nullptr && !change->second_is_first) {
      std::swap(change->second, earlier->second);
      change->second_is_first = earlier->second_is_first;
    }
    delete earlier->first;
    delete earlier->second;
    delete earlier;
  }
  waiting_.store(change, std::memory_order_release);
}

void Effect::use(Voice* voice) {
  if (voice->is_used) return;
  voice->is_used = true;
  voices_[n_voices_++] = voice;
}

bool Effect::is_wanted(const Voice* voice) const {
  if (voice == stations_.first || voice == stations_.second) return true;
  if (has_next_ && (voice == next_.first || voice == next_.second)) return true;
  return incoming_ != nullptr && (voice == incoming_->first || voice == incoming_->second);
}

void Effect::take_change(bool takes_new) {
  if (incoming_ == nullptr) {
    if (!takes_new) return;
    if (n_voices_ + 4 > static_cast<int>(voices_.size())) return;
    incoming_ = waiting_.exchange(nullptr, std::memory_order_acq_rel);
    if (incoming_ == nullptr) return;
    for (Voice* voice : {incoming_->first, incoming_->second}) {
      if (voice == nullptr) continue;
      use(voice);
      voice->is_held = voice->is_running = true;
    }
  }
  const int delay = latency_ + 1 - hop_length_;
  for (const Voice* voice : {incoming_->first, incoming_->second})
    if (voice != nullptr && voice->n_fed <= delay && n_in_ > 0) return;
  if (!trash_.has_room()) return;
  Stations wanted = has_next_ ? next_ : stations_;
  apply(*incoming_, wanted);
  fade_to(wanted);
  trash_.throw_in(incoming_);
  incoming_ = nullptr;
}

void Effect::fade_to(Stations wanted) {
  if (fade_left_ > 0) {
    next_ = wanted;
    has_next_ = true;
    return;
  }
  if (!is_fresh_) {
    for (int i = 0; i < n_voices_; ++i) voices_[i]->before = voices_[i]->last_share;
    fade_left_ = fade_length_;
  }
  stations_ = wanted;
}

void Effect::take_curves(int n) {
  for (int i = 0; i < n; ++i) {
    const float strength = strength_.next(), bypass = bypass_.next(), gain = gain_.next();
    strength_sum_ += strength;
    wet_curve_[i] = mix_.next() * wet_fade_.next(strength) * (1.0f - bypass);
    gain_curve_[i] = gain + (1.0f - gain) * bypass;
  }
  for (int v = 0; v < n_voices_; ++v)
    std::fill(voices_[v]->curve.begin(), voices_[v]->curve.begin() + n, 0.0f);
  for (int i = 0; i < n; ++i) {
    const float place = morph_.next();
    float fade = 1.0f;
    if (fade_left_ > 0) {
      fade = static_cast<float>(fade_length_ - fade_left_ + 1) / static_cast<float>(fade_length_);
      --fade_left_;
    }
    if (stations_.first == nullptr) {
      wet_curve_[i] = 0.0f;
    } else if (stations_.first == stations_.second) {
      stations_.first->curve[i] = fade;
    } else {
      stations_.first->curve[i] += (1.0f - place) * fade;
      stations_.second->curve[i] += place * fade;
    }
    if (fade < 1.0f)
      for (int v = 0; v < n_voices_; ++v)
        voices_[v]->curve[i] += voices_[v]->before * (1.0f - fade);
  }
  for (int v = 0; v < n_voices_; ++v) {
    Voice& voice = *voices_[v];
    for (int i = 0; i < n; ++i) {
      if (voice.curve[i] == 0.0f) continue;
      voice.heard_in_hop = true;
      voice.last_heard = n_in_ + i;
    }
    voice.last_share = voice.curve[n - 1];
  }
  is_fresh_ = false;
}

void Effect::feed(Voice& voice, const float* const* hop, double strength) {
  for (int channel = 0; channel < channels_; ++channel)
    done_pointers_[channel] = &voice.done[static_cast<size_t>(channel) * hop_length_];
  voice.stage.process(hop, strength, done_pointers_.data());
  // The engine's first output belongs to the time before its first input.
  if (voice.n_fed == 0) std::fill(voice.done.begin(), voice.done.end(), 0.0f);
  voice.n_fed += hop_length_;
}

void Effect::hop() {
  const double strength = strength_sum_ / hop_length_;
  for (int v = 0; v < n_voices_; ++v) {
    Voice& voice = *voices_[v];
    const bool heard = voice.heard_in_hop;
    voice.heard_in_hop = false;
    voice.is_held = voice.is_held && !heard;
    if (!voice.is_running && heard) {
      voice.stage.reset();
      voice.is_running = true;
      voice.n_fed = 0;
      if (n_hops_ > 0) {
        for (int channel = 0; channel < channels_; ++channel)
          pointers_[channel] = &recent_[static_cast<size_t>(channel) * hop_length_];
        feed(voice, pointers_.data(), recent_strength_);
      }
    }
    // The sample that comes out next went in latency_ samples ago.
    if (!heard && !voice.is_held && voice.last_heard < n_in_ - latency_) voice.is_running = false;
    if (!voice.is_running) continue;
    for (int channel = 0; channel < channels_; ++channel)
      pointers_[channel] = &hop_[static_cast<size_t>(channel) * hop_length_];
    feed(voice, pointers_.data(), strength);
  }
  std::copy(hop_.begin(), hop_.end(), recent_.begin());
  recent_strength_ = strength;
  strength_sum_ = 0.0;
  filled_ = 0;
  ++n_hops_;
  sweep();
}

void Effect::sweep() {
  int kept = 0, n_own = 0;
  for (int v = 0; v < n_voices_; ++v) {
    Voice* voice = voices_[v];
    n_own += voice->stage.job().n_own();
    if (voice->is_running || fade_left_ > 0 || is_wanted(voice) || !trash_.throw_in(voice))
      voices_[kept++] = voice;
  }
  n_voices_ = kept;
  n_own_maps_.store(n_own, std::memory_order_relaxed);
}

void Effect::write(float* const* output, int first, int at, int n, int place) {
  for (int i = 0; i < n; ++i) {
    const int ring = (ring_ + i) % latency_;
    const float wet_share = wet_[ring], gain = gains_[ring];
    wet_[ring] = wet_curve_[at + i];
    gains_[ring] = gain_curve_[at + i];
    float shares[16];
    for (int v = 0; v < n_voices_; ++v) {
      shares[v] = voices_[v]->shares[ring];
      voices_[v]->shares[ring] = voices_[v]->curve[at + i];
    }
    for (int channel = 0; channel < channels_; ++channel) {
      float* held = &dry_[static_cast<size_t>(channel) * latency_ + ring];
      const float dry = *held;
      *held = output[channel][first + i];  // the input, which the caller has put there
      float sample = dry;
      if (wet_share != 0.0f) {
        float wet = 0.0f;
        for (int v = 0; v < n_voices_; ++v)
          if (shares[v] != 0.0f)
            wet += shares[v] * voices_[v]->done[static_cast<size_t>(channel) * hop_length_ + place + i];
        sample = dry * (1.0f - wet_share) + wet * wet_share;
      }
      output[channel][first + i] = sample * gain;
    }
  }
  ring_ = (ring_ + n) % latency_;
  n_in_ += n;
}

void Effect::process(const float* const* input, float* const* output, int n, bool takes_changes) {
  if (channels_ == 0 || n <= 0) return;
  const FlushDenormals flush;
  const auto within = [](float value, float lowest, float highest) {
    return value >= lowest ? std::min(value, highest) : lowest;  // the lowest for NaN
  };
  strength_.begin(within(settings_.strength.load(std::memory_order_relaxed), 0.0f, 1.0f), sample_rate_);
  mix_.begin(within(settings_.mix.load(std::memory_order_relaxed), 0.0f, 1.0f), sample_rate_);
  morph_.begin(within(settings_.morph.load(std::memory_order_relaxed), 0.0f, 1.0f), sample_rate_);
  gain_.begin(within(settings_.gain.load(std::memory_order_relaxed), 0.0f, 100.0f), sample_rate_);
  bypass_.begin(settings_.bypass.load(std::memory_order_relaxed) ? 1.0f : 0.0f, sample_rate_);
  wet_fade_.begin(sample_rate_);
  float peaks[2] = {};
  for (int first = 0; first < n;) {
    take_change(takes_changes && first == 0);
    if (has_next_ && fade_left_ == 0) {
      has_next_ = false;
      fade_to(next_);
      next_ = {};
    }
    for (Voice* voice : {stations_.first, stations_.second})
      if (voice != nullptr) use(voice);
    int m = std::min(n - first, hop_length_ - filled_);
    if (has_next_) m = std::min(m, static_cast<int>(fade_left_));  // the next fade begins on time
    // All inputs of these samples are read before the first output is written.
    for (int channel = 0; channel < channels_; ++channel) {
      float* hop = &hop_[static_cast<size_t>(channel) * hop_length_ + filled_];
      std::copy(input[channel] + first, input[channel] + first + m, hop);
    }
    for (int channel = 0; channel < channels_; ++channel) {
      float* hop = &hop_[static_cast<size_t>(channel) * hop_length_ + filled_];
      float* out = output[channel] + first;
      for (int i = 0; i < m; ++i) {
        const float size = std::abs(hop[i]);
        out[i] = std::isfinite(hop[i]) ? hop[i] : 0.0f;
        if (!(size <= kLoudest) || size < kQuietest) hop[i] = 0.0f;
        peaks[0] = std::max(peaks[0], std::abs(out[i]));
      }
    }
    take_curves(m);
    // The last sample of a hop is the first one that needs the hop's own output.
    const bool completes = filled_ + m == hop_length_;
    write(output, first, 0, m - completes, filled_ + 1);
    if (completes) {
      hop();
      write(output, first + m - 1, m - 1, 1, 0);
    } else {
      filled_ += m;
    }
    for (int channel = 0; channel < channels_; ++channel)
      for (int i = first; i < first + m; ++i)
        peaks[1] = std::max(peaks[1], std::abs(output[channel][i]));
    first += m;
  }
  const auto raise = [](std::atomic<float>& meter, float peak) {
    if (peak > meter.load(std::memory_order_relaxed)) meter.store(peak, std::memory_order_relaxed);
  };
  raise(meters_.input, peaks[0]);
  raise(meters_.output, peaks[1]);
}

}  // namespace astfx
