// A real Fourier transform of one length, by FFTW.
#pragma once

#include <complex>
#include <cstddef>
#include <memory>

namespace astfx {

// Owns its buffers, so that a transform allocates nothing. The results do not depend on how often or
// where it is made: the plan is chosen without measuring.
class RealFft {
 public:
  explicit RealFft(int n);
  ~RealFft();
  RealFft(const RealFft&) = delete;
  RealFft& operator=(const RealFft&) = delete;

  int size() const { return n_; }
  int bins() const { return n_ / 2 + 1; }
  float* samples() { return samples_; }
  std::complex<float>* spectrum() { return reinterpret_cast<std::complex<float>*>(spectrum_); }

  // Transform samples() to spectrum().
  void forward();
  // Transform spectrum() to samples(), n times as large; spectrum() is overwritten.
  void inverse();

 private:
  int n_;
  float* samples_;
  float (*spectrum_)[2];
  void* forward_;
  void* inverse_;
};

}  // namespace astfx
