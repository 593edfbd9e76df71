// astfx as a plugin of DPF.
#pragma once

#include "DistrhoPlugin.hpp"
#include "instance.hpp"
#include "level_meter.hpp"
#include "parameters.hpp"

START_NAMESPACE_DISTRHO

class AstfxPlugin : public Plugin {
 public:
  AstfxPlugin();

  astfx::Instance& instance() { return instance_; }
  void set_offline(bool offline) { instance_.set_offline(offline); }

 protected:
  const char* getLabel() const override { return ASTFX_CHANNELS == 1 ? "astfx_mono" : "astfx"; }
  const char* getDescription() const override {
    return "Gives a track the texture of rain, bells, a crowd, or any other sound.";
  }
  const char* getMaker() const override { return "astfx"; }
  const char* getLicense() const override { return "GPL-3.0-or-later"; }
  uint32_t getVersion() const override { return d_version(0, 1, 0); }
  int64_t getUniqueId() const override { return d_cconst('A', 's', 'T', ASTFX_CHANNELS == 1 ? '1' : '2'); }

  void initParameter(uint32_t index, Parameter& parameter) override;
  void initState(uint32_t index, State& state) override;
  float getParameterValue(uint32_t index) const override;
  void setParameterValue(uint32_t index, float value) override;
  String getState(const char* key) const override;
  void setState(const char* key, const char* value) override;
  void activate() override;
  void sampleRateChanged(double sample_rate) override;
  void bufferSizeChanged(uint32_t frames) override;
  void run(const float** inputs, float** outputs, uint32_t frames) override;

 private:
  void show_latency();

  // DPF asks a constant plugin for its state.
  mutable astfx::Instance instance_{ASTFX_CHANNELS};
  float gain_db_ = 0.0f;
  astfx::LevelMeter input_level_, output_level_;
};

END_NAMESPACE_DISTRHO
