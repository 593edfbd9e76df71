#!/usr/bin/env bash
# Build the VST3 that tests/effect/test_vst3.py loads, with Debian's dpf-source and g++.
#
#     bash tests/effect/vst3/build.sh [folder]    default: build/ beside this script
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dpf=${DPF_PATH:-/usr/share/dpf}
out=${1:-$here/build}
test -f "$dpf/distrho/DistrhoPluginMain.cpp" || {
    echo "no DPF in $dpf: apt-get install dpf-source, or set DPF_PATH" >&2
    exit 1
}
bundle="$out/latent_gain.vst3/Contents/$(uname -m)-linux"
mkdir -p "$bundle"
g++ -std=c++17 -O2 -fPIC -shared -fvisibility=hidden \
    -DDISTRHO_PLUGIN_TARGET_VST3 -I"$here" -I"$dpf/distrho" \
    "$here/plugin.cpp" "$dpf/distrho/DistrhoPluginMain.cpp" \
    -o "$bundle/latent_gain.so" -Wl,--no-undefined -ldl -lpthread
echo "$out/latent_gain.vst3"
