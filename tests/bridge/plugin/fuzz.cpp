// Gives the plugin what no host should: corrupt presets and states, samples that are no numbers, blocks
// of every size, no channels, and several threads at a time. It is built with sanitizers.
//
//     fuzz PRESET PRESET STEP
//
// STEP is the distance between sizes of blocks. Ends with 0, and a line for each part, if nothing is
// wrong.
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base64.hpp"
#include "instance.hpp"

using namespace astfx;

static std::mt19937 rng(1);

static void require(bool holds, const char* what) {
  if (holds) return;
  std::printf("wrong: %s\n", what);
  std::exit(1);
}

static const char* name_of(EngineKind engine) { return engine == kEngineLive ? "live" : "stream"; }

static int below(int n) { return static_cast<int>(rng() % static_cast<unsigned>(n)); }

static std::string damaged(std::string bytes) {
  for (int turn = below(4); turn >= 0 && !bytes.empty(); --turn) {
    const size_t at = below(3) ? rng() % std::min<size_t>(bytes.size(), 4000) : rng() % bytes.size();
    switch (below(5)) {
      case 0: bytes[at] = static_cast<char>(rng()); break;
      case 1: bytes.resize(at); break;
      case 2: bytes.insert(at, std::string(1 + below(40), static_cast<char>(rng()))); break;
      case 3: bytes.erase(at, 1 + below(40)); break;
      case 4: bytes[at] = "0123456789{}[]\",:-"[below(18)]; break;
    }
  }
  return bytes;
}

static void corrupt_presets(const std::string& preset) {
  int refused = 0;
  for (int turn = 0; turn < 1500; ++turn) {
    try {
      style_frames(unpack_preset(damaged(preset), "preset"), 22050);
    } catch (const PresetError& error) {
      require(std::strlen(error.what()) > 10, "an error says what is wrong");
      ++refused;
    }
  }
  for (int n = 0; n < 40; ++n) {  // deep and endless headers
    std::string header(static_cast<size_t>(8 + 5000 * n), '[');
    const uint64_t size = header.size() - 8;
    for (int i = 0; i < 8; ++i) header[i] = static_cast<char>(size >> 8 * i);
    try {
      unpack_preset(header, "preset");
      require(false, "a header that is no object is refused");
    } catch (const PresetError&) {
    }
  }
  require(refused > 1200, "corrupt presets are refused");
  std::printf("presets: %d of 1500 refused\n", refused);
}

static void corrupt_states(const std::string& preset) {
  Instance instance(1);
  instance.activate(22050, 1024);
  std::vector<float> samples(300);
  const std::string whole = "70 " + unpack_preset(preset, "preset").name + " " +
                            unpack_preset(preset, "preset").sha256 + " " + base64(preset);
  require(instance.set_state(0, whole) && instance.state(0) == whole, "a state is kept");
  int refused = 0;
  // What is refused is reported, and changes neither the slot nor the other one.
  const auto give = [&](const std::string& text) {
    const int slot = below(2), number = instance.chosen(slot);
    const std::string before[] = {instance.state(0), instance.state(1)};
    if (instance.set_state(slot, text)) {
      require(instance.state(1 - slot) == before[1 - slot], "the other preset stays");
      return true;
    }
    ++refused;
    require(instance.state(0) == before[0] && instance.state(1) == before[1], "both presets stay");
    require(instance.chosen(slot) == number, "the number stays");
    require(instance.preset_problem() != kNoProblem, "a problem is reported");
    return false;
  };
  for (int turn = 0; turn < 300; ++turn) {
    give(damaged(turn % 2 ? whole : whole.substr(0, 90)));
    float* output[] = {samples.data()};
    instance.process(output, output, 300);
  }
  const size_t at_hash = whole.find(' ', 3) + 1;
  std::string other_hash = whole, other_name = whole;
  other_hash[at_hash] = whole[at_hash] == '0' ? '1' : '0';
  other_name.insert(3, "x");
  const std::string huge(200u << 20, 'A');
  for (const std::string& text : {std::string(), std::string(" "), std::string("-1 rain"), std::string("128"),
                                  std::string("99999999999999999999"), std::string("5 ../../x 0"),
                                  std::string("1 a b c d"), std::string("70 x"), std::string("nan"), huge,
                                  "70 rain " + huge, whole + huge, whole.substr(0, whole.size() - 1),
                                  whole.substr(0, whole.size() - 4), whole.substr(0, whole.size() / 2),
                                  whole.substr(0, at_hash + 64) + " ====", other_hash, other_name})
    require(!give(text), "a wrong state is refused");
  require(!instance.set_state(-1, whole) && !instance.set_state(2, whole), "there are two slots");
  require(instance.set_state(0, whole) && instance.set_state(1, whole), "a good state is taken");
  require(instance.preset_problem() == kNoProblem, "a good state ends the problem");
  require(refused > 150, "corrupt states are refused");
  std::printf("states: %d refused\n", refused);
}

static float strange() {
  switch (below(8)) {
    case 0: return std::numeric_limits<float>::quiet_NaN();
    case 1: return std::numeric_limits<float>::infinity();
    case 2: return -std::numeric_limits<float>::infinity();
    case 3: return std::numeric_limits<float>::denorm_min();
    case 4: return std::numeric_limits<float>::max();
    case 5: return 1e-30f;
    case 6: return 99.0f;
    default: return static_cast<float>(rng()) / 4e9f - 0.5f;
  }
}

static void many_block_sizes(int least_step, EngineKind engine) {
  for (int channels = 0; channels <= 2; ++channels) {
    Instance instance(channels);
    instance.choose_engine(engine);
    instance.activate(48000, 1024);
    std::vector<float> samples[2] = {std::vector<float>(8192), std::vector<float>(8192)};
    const int step = channels == 1 ? least_step : std::max(least_step, 37);
    for (int size = 0; size <= 8192; size += step) {
      for (std::vector<float>& channel : samples)
        for (int i = 0; i < size; ++i)
          channel[i] = below(50) ? 0.1f * static_cast<float>(rng()) / 4e9f : strange();
      if (below(20) == 0) instance.settings.strength = strange();
      if (below(20) == 0) instance.settings.mix = strange();
      if (below(20) == 0) instance.settings.morph = strange();
      if (below(20) == 0) instance.settings.gain = strange();
      if (below(20) == 0) instance.settings.bypass = below(2);
      if (below(100) == 0) instance.choose(below(2), below(300) - 100);
      float* pointers[2] = {samples[0].data(), samples[1].data()};
      instance.process(pointers, pointers, size);
      for (int channel = 0; channel < channels; ++channel)
        for (int i = 0; i < size; ++i)
          require(!std::isnan(samples[channel][i]), "no output is NaN");
    }
  }
  std::printf("blocks of %s: sizes from 0 to 8192 in steps of %d\n", name_of(engine), least_step);
}

static void strange_rates(EngineKind engine) {
  std::vector<float> samples(1000, 0.5f);
  for (double rate : {0.0, -1.0, 7999.0, 192001.0, 1e300, std::nan(""), 8000.0, 44100.5, 192000.0}) {
    Instance instance(1);
    instance.choose_engine(engine);
    instance.activate(rate, 1024);
    float* pointers[] = {samples.data()};
    instance.process(pointers, pointers, 1000);
    require(instance.latency(rate, 1024) >= 0, "a latency");
    instance.activate(48000, 1024);
    instance.process(pointers, pointers, 1000);
  }
  std::printf("rates of %s: done\n", name_of(engine));
}

static void several_threads(const std::string& preset, EngineKind engine) {
  Instance instance(2);
  instance.choose_engine(engine);
  instance.activate(48000, 1024);
  const std::string state = "90 " + unpack_preset(preset, "preset").name + " " +
                            unpack_preset(preset, "preset").sha256 + " " + base64(preset);
  std::atomic<bool> ends{false};
  std::thread host([&] {
    std::mt19937 own(2);
    while (!ends) {
      switch (own() % 8) {
        case 0: instance.choose(static_cast<int>(own() % 2), static_cast<int>(own() % 45)); break;
        case 1: instance.set_state(static_cast<int>(own() % 2), state); break;
        case 2: instance.state(0); break;
        case 3: instance.settings.strength = static_cast<float>(own() % 5) / 4.0f; break;
        case 4: instance.settings.morph = static_cast<float>(own() % 5) / 4.0f; break;
        case 5: instance.input_peak(); instance.output_peak(); instance.late_maps(); break;
        case 6: instance.preset_problem(); instance.backend_state(); instance.late_blocks(); break;
        case 7: instance.settings.bypass = own() % 2; break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  std::vector<float> samples[2] = {std::vector<float>(512), std::vector<float>(512)};
  for (int block = 0; block < 1500; ++block) {
    for (std::vector<float>& channel : samples)
      for (float& sample : channel) sample = 0.2f * static_cast<float>(rng()) / 4e9f - 0.1f;
    float* pointers[2] = {samples[0].data(), samples[1].data()};
    instance.process(pointers, pointers, 512);
    for (float sample : samples[0]) require(std::isfinite(sample), "the output is finite");
  }
  ends = true;
  host.join();
  std::printf("threads of %s: done\n", name_of(engine));
}

// The other process may write anything into the ring.
static void damaged_rings() {
  Settings settings;
  Meters meters;
  Relay relay(48000, 2, 512, settings, meters);
  std::vector<float> samples[2] = {std::vector<float>(512), std::vector<float>(512)};
  char* bytes = reinterpret_cast<char*>(&relay.ring().header());
  const size_t size = 4096 + 4 * sizeof(float) * relay.ring().frames();
  relay.begin({{1, 1}, {}}, false);
  for (int turn = 0; turn < 5000; ++turn) {
    if (turn % 100 == 0) relay.begin({{1, 1}, {}}, false);
    RingHeader& header = relay.ring().header();
    header.ready.set(header.stream.get());
    header.n_output.set(below(4) ? relay.position() : rng() * uint64_t{rng()});
    if (below(4) == 0) header.first_output.set(rng() * uint64_t{rng()});
    if (below(8) == 0) bytes[rng() % 4096] = static_cast<char>(rng());
    const uint32_t word = below(2) ? 0xffffffff : static_cast<uint32_t>(rng());
    for (int k = 0; k < 100; ++k) std::memcpy(bytes + 4096 + rng() % (size - 4100), &word, sizeof word);
    float* pointers[2] = {samples[0].data(), samples[1].data()};
    for (std::vector<float>& channel : samples)
      for (float& sample : channel) sample = strange();
    const int n = 1 + below(512);
    relay.process(pointers, pointers, n, nullptr, std::chrono::seconds(0));
    for (int i = 0; i < n; ++i) require(!std::isnan(samples[0][i]), "no output is NaN");
    relay.ring().message();
  }
  std::printf("rings: done\n");
}

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::string preset = packed_preset(argv[1]);
  corrupt_presets(preset);
  corrupt_states(packed_preset(argv[2]));
  setenv("ASTFX_PYTHON", "/none", 1);  // the sanitizers need no other process
  for (const EngineKind engine : {kEngineLive, kEngineStream}) {
    many_block_sizes(std::atoi(argv[3]), engine);
    strange_rates(engine);
    several_threads(preset, engine);
  }
  damaged_rings();
}
