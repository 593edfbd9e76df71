#include "style_model.hpp"

#include <algorithm>
#include <cmath>

#include "grid.hpp"

namespace astfx {

namespace {

// Frames on the grid of another sample rate (`frames_at` in astfx/presets/tensors.py).
StyleFrames frames_at(const StyleFrames& frames, const Grid& grid, const Grid& wanted) {
  const double width =
      (static_cast<double>(wanted.sample_rate) / wanted.n_fft) / (static_cast<double>(grid.sample_rate) / grid.n_fft);
  const int n_bins = wanted.n_fft / 2 + 1;
  StyleFrames result{frames.n_frames, n_bins, {}};
  result.values.assign(static_cast<size_t>(frames.n_frames) * n_bins, 0.0f);
  std::vector<int> index(n_bins);
  for (int k = 0; k < n_bins; ++k)  // in single precision, as torch does
    index[k] = static_cast<int>(std::nearbyint(static_cast<float>(k) * static_cast<float>(width)));
  double before = 0.0, kept = 0.0;
  for (int frame = 0; frame < frames.n_frames; ++frame) {
    const float* from = &frames.values[static_cast<size_t>(frame) * frames.n_bins];
    float* to = &result.values[static_cast<size_t>(frame) * n_bins];
    for (int k = 0; k < n_bins; ++k)
      if (index[k] < frames.n_bins) to[k] = from[index[k]];
  }
  if (wanted.sample_rate < grid.sample_rate) {
    const auto power = [](const std::vector<float>& values) {
      double total = 0.0;
      for (float value : values) total += std::expm1(static_cast<double>(value)) * std::expm1(static_cast<double>(value));
      return total;
    };
    before = power(frames.values);
    kept = std::max(power(result.values), 1e-12);
    const float scale = static_cast<float>(std::min(std::max(std::sqrt(before / kept), 1.0), 1e3));
    for (float& value : result.values) value = std::log1p(std::expm1(value) * scale);
  }
  return result;
}

// Indices of `count` frames spread over a run (torch.linspace in single precision, rounded).
std::vector<int> spread_indices(int n, int count) {
  std::vector<int> indices(count);
  const float end = static_cast<float>(n - 1);
  const float step = count > 1 ? end / static_cast<float>(count - 1) : 0.0f;
  for (int i = 0; i < count; ++i) {
    const float place = i < count / 2 ? step * static_cast<float>(i)
                                      : end - step * static_cast<float>(count - i - 1);
    indices[i] = count == 1 ? 0 : static_cast<int>(std::nearbyint(place));
  }
  return indices;
}

}  // namespace

StyleFrames style_frames(const Preset& preset, int sample_rate) {
  const int n_bins = preset.grid.n_fft / 2 + 1;
  StyleFrames kept{0, n_bins, {}};
  kept.values.resize(preset.frames.size());
  for (size_t i = 0; i < preset.frames.size(); ++i)
    kept.values[i] = static_cast<float>(preset.frames[i]) *
                     static_cast<float>(kHighestLogMagnitude / 255.0);
  kept.n_frames = static_cast<int>(preset.frames.size() / n_bins);
  const Grid plan = style_grid(sample_rate);
  StyleFrames at_plan = frames_at(kept, preset.grid, plan);
  // Runs that are shorter than the method's longest patch are repeated, as in Python.
  const int context = std::max<int>(1, static_cast<int>(round_even(
                          kLongestKernelMs * 1e-3 * plan.sample_rate / plan.hop_length)));
  std::vector<int> lengths, order;
  int first = 0;
  for (int length : preset.run_lengths) {
    const int repeats = length >= context ? 1 : (context + length - 1) / length;
    for (int repeat = 0; repeat < repeats; ++repeat)
      for (int i = 0; i < length; ++i) order.push_back(first + i);
    lengths.push_back(length * repeats);
    first += length;
  }
  const int total = static_cast<int>(order.size());
  StyleFrames chosen{0, at_plan.n_bins, {}};
  int begin = 0;
  for (size_t run = 0; run < lengths.size(); ++run) {
    const double share = preset.run_weights[run];
    const int count = std::max<int>(1, static_cast<int>(round_even(share * total)));
    for (int index : spread_indices(lengths[run], count)) {
      const float* frame = &at_plan.values[static_cast<size_t>(order[begin + index]) * at_plan.n_bins];
      chosen.values.insert(chosen.values.end(), frame, frame + at_plan.n_bins);
      ++chosen.n_frames;
    }
    begin += lengths[run];
  }
  return frames_at(chosen, plan, engine_grid(sample_rate));
}

StyleModel style_model(const StyleFrames& frames, int sample_rate) {
  const int n_fft = 2 * (frames.n_bins - 1);
  std::vector<float> magnitudes(frames.values.size());
  for (size_t i = 0; i < magnitudes.size(); ++i) magnitudes[i] = std::expm1(frames.values[i]);
  StyleModel model{sample_rate, {}, {}};
  const BandRows bands(band_weights(sample_rate, n_fft));
  const int used = bands.size();
  std::vector<float> levels(static_cast<size_t>(frames.n_frames) * used);
  std::vector<double> mean(used, 0.0);
  for (int frame = 0; frame < frames.n_frames; ++frame) {
    float* level = &levels[static_cast<size_t>(frame) * used];
    bands.sums(&magnitudes[static_cast<size_t>(frame) * frames.n_bins], level);
    for (int i = 0; i < used; ++i) {
      level[i] = std::log(level[i] + kBandFloor);
      mean[i] += level[i];
    }
  }
  for (double& value : mean) value /= frames.n_frames;
  double* covariance = model.bands.covariance.values;
  std::fill(covariance, covariance + used * used, 0.0);
  for (int frame = 0; frame < frames.n_frames; ++frame) {
    const float* level = &levels[static_cast<size_t>(frame) * used];
    for (int i = 0; i < used; ++i)
      for (int j = 0; j <= i; ++j)
        covariance[i * used + j] += (level[i] - mean[i]) * (level[j] - mean[j]);
  }
  for (int i = 0; i < used; ++i) {
    for (int j = 0; j <= i; ++j) {
      const double value = covariance[i * used + j] / std::max(1, frames.n_frames - 1);
      covariance[i * used + j] = covariance[j * used + i] = static_cast<float>(value);
    }
  }
  for (double value : mean) model.bands.mean.push_back(static_cast<float>(value));
  model.quantiles = quantile_statistics(magnitudes, frames.n_frames, sample_rate, n_fft);
  return model;
}

}  // namespace astfx
