#include "quantile_map.hpp"

#include <algorithm>
#include <cmath>

#include "grid.hpp"

namespace astfx {

namespace {

constexpr double kScale = (kLevels - 1) / kHighestLevel;

struct Place {
  double level;
  int first;
  double part;
};

float group_size(const int* borders, int g, const float* magnitude) {
  float power = 0.0f;
  for (int k = borders[g]; k < borders[g + 1]; ++k) power += magnitude[k] * magnitude[k];
  return std::sqrt(power / static_cast<float>(borders[g + 1] - borders[g]));
}

Place place_of(float size) {
  const double level = std::log(1.0f + size * static_cast<float>(1.0 / kFloor));
  const double position = std::min(std::max(level * kScale, 0.0), kLevels - 1 - 1e-3);
  const int first = static_cast<int>(position);
  return {level, first, position - first};
}

void count(float* counts, const Place& place, double weight) {
  counts[place.first] += static_cast<float>(weight * (1.0 - place.part));
  counts[place.first + 1] += static_cast<float>(weight * place.part);
}

}  // namespace

std::vector<int> groups_of_bins(int sample_rate, int n_fft) {
  const double hz = static_cast<double>(sample_rate) / n_fft;
  std::vector<int> borders{0};
  while (borders.back() < n_fft / 2 + 1) {
    const GroupSize* group = kGroups;
    while (borders.back() * hz < group->lowest_hz) ++group;
    borders.push_back(std::min(borders.back() + group->size, n_fft / 2 + 1));
  }
  return borders;
}

QuantileStatistics quantile_statistics(const std::vector<float>& magnitudes, int n_frames,
                                       int sample_rate, int n_fft) {
  QuantileStatistics found;
  found.borders = groups_of_bins(sample_rate, n_fft);
  const int n_groups = static_cast<int>(found.borders.size()) - 1, n_bins = n_fft / 2 + 1;
  found.prior.assign(static_cast<size_t>(n_groups) * kLevels, 0.0f);
  found.quantiles.resize(static_cast<size_t>(n_groups) * kQuantiles);
  std::vector<float> levels(n_frames);
  for (int g = 0; g < n_groups; ++g) {
    float* prior = &found.prior[static_cast<size_t>(g) * kLevels];
    for (int frame = 0; frame < n_frames; ++frame) {
      const float size =
          group_size(found.borders.data(), g, &magnitudes[static_cast<size_t>(frame) * n_bins]);
      count(prior, place_of(size), 1.0);
      levels[frame] = std::log1p(size / static_cast<float>(kFloor));
    }
    for (int level = 0; level < kLevels; ++level) prior[level] /= static_cast<float>(n_frames);
    std::sort(levels.begin(), levels.end());
    for (int i = 0; i < kQuantiles; ++i) {
      const double place = (i + 0.5) / kQuantiles * (n_frames - 1);
      const int below = static_cast<int>(place), above = std::min(below + 1, n_frames - 1);
      const double low = levels[below];
      found.quantiles[static_cast<size_t>(g) * kQuantiles + i] =
          static_cast<float>(low + (levels[above] - low) * (place - below));
    }
  }
  return found;
}

QuantileMap::Histogram::Histogram(double memory, size_t n_groups)
    : growth(memory / (memory - 1.0)), counts(n_groups * kLevels), parts(n_groups * kParts) {}

void QuantileMap::Histogram::reset(const std::vector<float>& prior) {
  weight = 1.0;
  total = kPriorFramesOfHistogram;
  for (size_t i = 0; i < counts.size(); ++i)
    counts[i] = prior[i] * static_cast<float>(kPriorFramesOfHistogram);
  for (size_t part = 0; part < parts.size(); ++part) {
    parts[part] = 0.0f;
    for (int i = 0; i < kPart; ++i) parts[part] += counts[part * kPart + i];
  }
}

double QuantileMap::Histogram::next_weight() {
  if (weight > kRenormalise) {
    const float scale = static_cast<float>(1.0 / weight);
    for (float& value : counts) value *= scale;
    for (float& value : parts) value *= scale;
    total /= weight;
    weight = 1.0;
  }
  // New frames get larger weights, which is cheaper than scaling all old counts down.
  weight *= growth;
  total += weight;
  return weight;
}

void QuantileMap::Histogram::add(int g, int first, double part, double weight_of_frame) {
  const float lower = static_cast<float>(weight_of_frame * (1.0 - part));
  const float upper = static_cast<float>(weight_of_frame * part);
  float* own = &counts[static_cast<size_t>(g) * kLevels];
  float* own_parts = &parts[static_cast<size_t>(g) * kParts];
  own[first] += lower;
  own[first + 1] += upper;
  own_parts[first / kPart] += lower;
  own_parts[(first + 1) / kPart] += upper;
}

float QuantileMap::Histogram::below(int g, int level) const {
  const float* own = &counts[static_cast<size_t>(g) * kLevels];
  const float* own_parts = &parts[static_cast<size_t>(g) * kParts];
  // All parts and all levels of one part are looked at, because branches would cost more.
  const int whole = level / kPart;
  const float* last = own + whole * kPart;
  float total_below = 0.0f;
  for (int i = 0; i < kParts; ++i) total_below += i < whole ? own_parts[i] : 0.0f;
  for (int i = 0; i < kPart; ++i) total_below += i < level - whole * kPart ? last[i] : 0.0f;
  return total_below;
}

QuantileMap::QuantileMap(const QuantileStatistics& style, double memory, int every, double share,
                         double follow)
    : borders_(style.borders),
      prior_(style.prior),
      style_(style.quantiles),
      requests_(style.quantiles),
      content_(memory, style.borders.size() - 1),
      realised_(std::max(memory / 2.0, 2.0), style.borders.size() - 1),
      share_(share),
      follow_(follow),
      rate_(kCorrection * std::sqrt(every / 10.0)),
      held_(style.borders.size() - 1),
      n_groups_(static_cast<int>(style.borders.size()) - 1) {
  const int parts = std::max(1, every / 2);
  for (int i = 0; i <= parts; ++i)
    bounds_.push_back(static_cast<int>(round_even(static_cast<double>(n_groups_) * i / parts)));
  reset();
}

void QuantileMap::reset() {
  turn_ = 0;
  first_ = true;
  std::fill(held_.begin(), held_.end(), 0.0f);
  requests_ = style_;
  content_.reset(prior_);
  realised_.reset(prior_);
}

void QuantileMap::apply(const float* magnitude, bool learn, float* gain) {
  const double weight = learn ? content_.next_weight() : 0.0;
  const double per_total = 1.0 / content_.total;
  const double follow = first_ ? 1.0 : follow_;
  first_ = false;
  for (int g = 0; g < n_groups_; ++g) {
    const float size = group_size(borders_.data(), g, magnitude);
    const Place place = place_of(size);
    if (learn) content_.add(g, place.first, place.part, weight);
    const float* counts = &content_.counts[static_cast<size_t>(g) * kLevels];
    // A level's mass is spread evenly over one level's width, centred on it.
    const double below = content_.below(g, place.first) +
                         counts[place.first] * std::min(0.5 + place.part, 1.0) +
                         counts[place.first + 1] * std::max(place.part - 0.5, 0.0);
    const double rank = std::min(std::max(below * per_total, 0.0), 1.0);
    const double at = std::min(std::max(rank * kQuantiles - 0.5, 0.0), kQuantiles - 1.001);
    const int i = static_cast<int>(at);
    const double part = at - i;
    const float* requests = &requests_[static_cast<size_t>(g) * kQuantiles];
    const double wanted = std::max(requests[i] * (1.0 - part) + requests[i + 1] * part, 0.0);
    const double move = share_ * (wanted - place.level);
    const double aim = kFloor * (std::exp(static_cast<float>(place.level + move)) - 1.0f);
    const double change = std::log(
        static_cast<float>(std::max(aim / std::max(static_cast<double>(size), 1e-6), 1e-6)));
    held_[g] += static_cast<float>(follow * (change - held_[g]));
    const float own = std::exp(held_[g]);
    for (int k = borders_[g]; k < borders_[g + 1]; ++k) gain[k] *= own;
  }
}

void QuantileMap::realised(const float* magnitude) {
  const double weight = realised_.next_weight();
  for (int g = 0; g < n_groups_; ++g) {
    const Place place = place_of(group_size(borders_.data(), g, magnitude));
    realised_.add(g, place.first, place.part, weight);
  }
}

void QuantileMap::correct() {
  for (int g = bounds_[turn_]; g < bounds_[turn_ + 1]; ++g) {
    const float* counts = &realised_.counts[static_cast<size_t>(g) * kLevels];
    const float* parts = &realised_.parts[static_cast<size_t>(g) * kParts];
    float* requests = &requests_[static_cast<size_t>(g) * kQuantiles];
    const float* style = &style_[static_cast<size_t>(g) * kQuantiles];
    float below = 0.0f;
    int j = 0;
    for (int i = 0; i < kQuantiles; ++i) {
      const double aim = realised_.total * (i + 0.5) / kQuantiles;
      while (j < kLevels - 1) {
        const bool whole = j % kPart == 0 && j + kPart < kLevels && below + parts[j / kPart] < aim;
        const float mass = whole ? parts[j / kPart] : counts[j];
        if (!(below + mass < aim)) break;
        below += mass;
        j += whole ? kPart : 1;
      }
      const double mass = std::max(static_cast<double>(counts[j]), 1e-20);
      const double found = std::max(j - 0.5 + (aim - below) / mass, 0.0) / kScale;
      const double change = requests[i] - style[i] + rate_ * (style[i] - found);
      requests[i] =
          static_cast<float>(style[i] + std::min(std::max(change, -kMostCorrection), kMostCorrection));
    }
  }
  turn_ = (turn_ + 1) % (static_cast<int>(bounds_.size()) - 1);
}

}  // namespace astfx
