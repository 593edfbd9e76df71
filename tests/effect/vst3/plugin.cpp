// A stereo gain that is late by 200 samples and says so: what a real external plugin may be.
#include "DistrhoPlugin.hpp"

#include <vector>

START_NAMESPACE_DISTRHO

class LatentGain : public Plugin {
public:
  LatentGain() : Plugin(1, 0, 0) { setLatency(kLatency); }

protected:
  const char *getLabel() const override { return "LatentGain"; }
  const char *getDescription() const override { return "A gain that is late."; }
  const char *getMaker() const override { return "astfx tests"; }
  const char *getLicense() const override { return "ISC"; }
  uint32_t getVersion() const override { return d_version(1, 0, 0); }
  int64_t getUniqueId() const override { return d_cconst('L', 'G', 'a', 'i'); }

  void initParameter(uint32_t, Parameter &parameter) override {
    parameter.hints = kParameterIsAutomatable;
    parameter.name = "Gain";
    parameter.symbol = "gain";
    parameter.ranges.def = 1.0f;
    parameter.ranges.min = 0.0f;
    parameter.ranges.max = 1.0f;
  }
  float getParameterValue(uint32_t) const override { return gain; }
  void setParameterValue(uint32_t, float value) override { gain = value; }

  void activate() override {
    for (auto &line : held)
      line.assign(kLatency, 0.0f);
    place = 0;
  }

  void run(const float **inputs, float **outputs, uint32_t frames) override {
    for (uint32_t i = 0; i < frames; ++i) {
      for (int channel = 0; channel < 2; ++channel) {
        float &slot = held[channel][place];
        const float input = inputs[channel][i];
        outputs[channel][i] = gain * slot;
        slot = input;
      }
      place = (place + 1) % kLatency;
    }
  }

private:
  static constexpr uint32_t kLatency = 200;
  std::vector<float> held[2] = {std::vector<float>(kLatency), std::vector<float>(kLatency)};
  uint32_t place = 0;
  float gain = 1.0f;
};

Plugin *createPlugin() { return new LatentGain(); }

END_NAMESPACE_DISTRHO
