// Window functions, as in astfx/dsp/windows.py.
#pragma once

#include <vector>

namespace astfx {

// Periodic Hann window.
std::vector<double> hann(int length);

// Windows of a long frame that is only heard near its end (Mauler and Martin 2007).
struct Windows {
  std::vector<float> analysis, synthesis;
};
Windows asymmetric_windows(int n_fft, int n_synthesis);

}  // namespace astfx
