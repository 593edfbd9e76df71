// Analysis and overlap-add of a stream, hop by hop, as in astfx/streaming/overlap_add.py.
#pragma once

#include <complex>
#include <vector>

#include "fft.hpp"
#include "windows.hpp"

namespace astfx {

class OverlapAdd {
 public:
  OverlapAdd(int channels, int hop_length, const Windows& windows, int n_synthesis);

  void reset();
  // Take a hop, channel by channel, and write the spectra of the channels, (channels, bins).
  void analyse(const float* const* hop, std::complex<float>* spectrum);
  // Add spectra to the output, and write the hop that is complete. A frame that adds more to the
  // output than a sound with kMostOfFrame times the content's peak would is turned down, and so is
  // one that takes the output above kMostInAll times the peak.
  void synthesise(const std::complex<float>* spectrum, double peak, float* const* hop);

  RealFft& fft() { return fft_; }

 private:
  // Share of the present frames, times `scale`, that keeps the output's peak at `most`.
  float room_for(float scale, float most) const;

  int channels_, hop_length_, n_fft_, n_synthesis_;
  std::vector<float> analysis_, synthesis_, input_, output_, frames_;
  double share_;
  RealFft fft_;
};

}  // namespace astfx
