// Times the engine of the plugin: plugin PRESET RATE BLOCK INSTANCES SECONDS
//
// Prints the share of real time that one instance takes, and shares of the duration of a block that all
// instances together take in 50, 99 and 99.9 % of the blocks. It is the CPU time of the audio thread,
// which computes the Monge maps too, because the audio comes as fast as it is processed.
#include <ctime>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "effect.hpp"
#include "preset.hpp"

using namespace astfx;

static double cpu_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

int main(int argc, char** argv) {
  if (argc < 6) return 2;
  const int rate = std::atoi(argv[2]), block = std::atoi(argv[3]), n_instances = std::atoi(argv[4]);
  const int n = rate * std::atoi(argv[5]);
  const StyleModel model = style_model(style_frames(load_preset(argv[1]), rate), rate);
  Settings settings;
  Meters meters;
  std::vector<std::unique_ptr<Effect>> effects;
  for (int i = 0; i < n_instances; ++i) {
    effects.push_back(std::make_unique<Effect>(rate, 2, settings, meters));
    StyleChange* change = new StyleChange;
    change->first = new Voice(model, 2, nullptr);
    effects.back()->change(change);
    effects.back()->reset();
  }
  std::mt19937 rng(0);
  std::normal_distribution<float> noise(0.0f, 0.02f);
  std::vector<float> clip[2] = {std::vector<float>(n), std::vector<float>(n)};
  for (int i = 0; i < n; ++i) {
    const double time = static_cast<double>(i) / rate;
    const double level = 0.3 + (std::sin(2.0 * M_PI * 2.0 * time) > 0.0);
    for (std::vector<float>& channel : clip)
      channel[i] = static_cast<float>(0.2 * std::sin(2.0 * M_PI * 220.0 * time) * level) + noise(rng);
  }
  std::vector<float> output[2] = {std::vector<float>(block), std::vector<float>(block)};
  std::vector<double> shares;
  double total = 0.0;
  for (int first = 0; first + block <= n; first += block) {
    const double begin = cpu_seconds();
    for (std::unique_ptr<Effect>& effect : effects) {
      const float* inputs[2] = {&clip[0][first], &clip[1][first]};
      float* outputs[2] = {output[0].data(), output[1].data()};
      effect->process(inputs, outputs, block);
    }
    const double spent = cpu_seconds() - begin;
    total += spent;
    shares.push_back(spent * rate / block);
  }
  std::sort(shares.begin(), shares.end());
  const auto at = [&](double part) { return shares[static_cast<size_t>(part * (shares.size() - 1))]; };
  const double audio = static_cast<double>(shares.size()) * block / rate;
  std::printf("%.5f %.5f %.5f %.5f\n", total / audio / n_instances, at(0.5), at(0.99), at(0.999));
}
