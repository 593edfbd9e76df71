#include "fft.hpp"

#include <fftw3.h>

#include <mutex>
#include <new>

namespace astfx {

namespace {

// FFTW's planner is not safe in several threads. FFTW is linked statically and its names are
// hidden, so this lock is shared by all who use this copy.
std::mutex& planner() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

RealFft::RealFft(int n) : n_(n) {
  const std::lock_guard<std::mutex> lock(planner());
  samples_ = fftwf_alloc_real(static_cast<size_t>(n));
  spectrum_ = fftwf_alloc_complex(static_cast<size_t>(n / 2 + 1));
  if (samples_ == nullptr || spectrum_ == nullptr) throw std::bad_alloc();
  forward_ = fftwf_plan_dft_r2c_1d(n, samples_, spectrum_, FFTW_ESTIMATE | FFTW_DESTROY_INPUT);
  inverse_ = fftwf_plan_dft_c2r_1d(n, spectrum_, samples_, FFTW_ESTIMATE | FFTW_DESTROY_INPUT);
}

RealFft::~RealFft() {
  const std::lock_guard<std::mutex> lock(planner());
  fftwf_destroy_plan(static_cast<fftwf_plan>(forward_));
  fftwf_destroy_plan(static_cast<fftwf_plan>(inverse_));
  fftwf_free(samples_);
  fftwf_free(spectrum_);
}

void RealFft::forward() { fftwf_execute(static_cast<fftwf_plan>(forward_)); }

void RealFft::inverse() { fftwf_execute(static_cast<fftwf_plan>(inverse_)); }

}  // namespace astfx
