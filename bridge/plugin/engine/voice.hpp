// One style of a stream: its engine, and its share of the output.
#pragma once

#include <memory>
#include <vector>

#include "spectral_stage.hpp"
#include "trash.hpp"
#include "worker.hpp"

namespace astfx {

struct Voice : Disposable {
  Voice(const StyleModel& style, int channels, std::shared_ptr<Worker> helper)
      : stage(style, channels),
        worker(std::move(helper)),
        done(static_cast<size_t>(channels) * stage.hop_length()),
        shares(latency_samples(style.sample_rate)),
        curve(stage.hop_length()) {
    if (worker) worker->add(&stage.job());
  }
  ~Voice() override {
    if (worker) worker->remove(&stage.job());
  }

  SpectralStage stage;
  std::shared_ptr<Worker> worker;
  std::vector<float> done;    // the last hop of output, (channels, hop_length)
  std::vector<float> shares;  // ring of the style's shares, as long as the latency
  std::vector<float> curve;   // the style's share of the present samples
  bool is_running = false;    // whether the engine takes hops
  bool is_held = false;       // kept running though it cannot be heard
  bool is_used = false;       // among the voices that the audio thread looks at
  bool heard_in_hop = false;
  long n_fed = 0;           // samples that the engine has taken
  long last_heard = -1;     // the last input sample with a share above 0
  float before = 0.0f;      // the share from which a fade began
  float last_share = 0.0f;  // the share of the last sample
};

// A change of styles. Null leaves a style as it is.
struct StyleChange : Disposable {
  Voice* first = nullptr;
  Voice* second = nullptr;
  bool second_is_first = false;  // morphing has no effect
};

}  // namespace astfx
