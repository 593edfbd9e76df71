// What the plugin tells DPF about itself at compile time.
#pragma once

#define DISTRHO_PLUGIN_BRAND "astfx tests"
#define DISTRHO_PLUGIN_NAME "Latent Gain"
#define DISTRHO_PLUGIN_URI "urn:astfx:tests:latent-gain"
#define DISTRHO_PLUGIN_CLAP_ID "astfx.tests.latent-gain"
#define DISTRHO_PLUGIN_BRAND_ID AsTf
#define DISTRHO_PLUGIN_UNIQUE_ID LGai
#define DISTRHO_PLUGIN_HAS_UI 0
#define DISTRHO_PLUGIN_IS_RT_SAFE 1
#define DISTRHO_PLUGIN_NUM_INPUTS 2
#define DISTRHO_PLUGIN_NUM_OUTPUTS 2
#define DISTRHO_PLUGIN_WANT_LATENCY 1
