#include "windows.hpp"

#include <cmath>

namespace astfx {

std::vector<double> hann(int length) {
  std::vector<double> window(length);
  for (int i = 0; i < length; ++i) window[i] = 0.5 - 0.5 * std::cos(2.0 * M_PI * i / length);
  return window;
}

Windows asymmetric_windows(int n_fft, int n_synthesis) {
  const int half = n_synthesis / 2;
  const std::vector<double> rise = hann(2 * (n_fft - half)), fall = hann(n_synthesis);
  Windows windows{std::vector<float>(n_fft), std::vector<float>(n_fft, 0.0f)};
  for (int i = 0; i < n_fft - half; ++i)
    windows.analysis[i] = static_cast<float>(std::sqrt(rise[i]));
  for (int i = 0; i < half; ++i) {
    const float value = static_cast<float>(std::sqrt(fall[half + i]));
    windows.analysis[n_fft - half + i] = windows.synthesis[n_fft - half + i] = value;
    const int heard = n_fft - n_synthesis + i;
    windows.synthesis[heard] = static_cast<float>(fall[i] / std::sqrt(rise[heard]));
  }
  return windows;
}

}  // namespace astfx
