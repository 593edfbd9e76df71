// What the plugin tells DPF about itself at compile time. ASTFX_CHANNELS is 1 or 2.
#pragma once

#define DISTRHO_PLUGIN_BRAND "astfx"
#if ASTFX_CHANNELS == 1
#define DISTRHO_PLUGIN_NAME "astfx mono"
#define DISTRHO_PLUGIN_URI "urn:astfx:plugin:mono"
#define DISTRHO_PLUGIN_CLAP_ID "org.astfx.mono"
#define DISTRHO_PLUGIN_CLAP_FEATURES "audio-effect", "multi-effects", "mono"
#define DISTRHO_PLUGIN_VST3_CATEGORIES "Fx|Mono"
#define DISTRHO_PLUGIN_UNIQUE_ID AsMo
#else
#define DISTRHO_PLUGIN_NAME "astfx"
#define DISTRHO_PLUGIN_URI "urn:astfx:plugin:stereo"
#define DISTRHO_PLUGIN_CLAP_ID "org.astfx.stereo"
#define DISTRHO_PLUGIN_CLAP_FEATURES "audio-effect", "multi-effects", "stereo"
#define DISTRHO_PLUGIN_VST3_CATEGORIES "Fx|Stereo"
#define DISTRHO_PLUGIN_UNIQUE_ID AsSt
#endif
#define DISTRHO_PLUGIN_BRAND_ID Astf
#define DISTRHO_PLUGIN_LV2_CATEGORY "lv2:SpectralPlugin"
#define DISTRHO_PLUGIN_NUM_INPUTS ASTFX_CHANNELS
#define DISTRHO_PLUGIN_NUM_OUTPUTS ASTFX_CHANNELS
#define DISTRHO_PLUGIN_IS_RT_SAFE 1
#define DISTRHO_PLUGIN_WANT_LATENCY 1
#define DISTRHO_PLUGIN_WANT_STATE 1
#define DISTRHO_PLUGIN_WANT_FULL_STATE 1
// Whether the plugin has a window of its own.
#define DISTRHO_PLUGIN_HAS_UI ASTFX_WINDOW
#define DISTRHO_PLUGIN_HAS_EMBED_UI ASTFX_WINDOW
#define DISTRHO_UI_USE_CAIRO ASTFX_WINDOW
#define DISTRHO_UI_USER_RESIZABLE 1
#define DISTRHO_UI_DEFAULT_WIDTH 880
#define DISTRHO_UI_DEFAULT_HEIGHT 540
#define DISTRHO_UI_URI DISTRHO_PLUGIN_URI ":window"
