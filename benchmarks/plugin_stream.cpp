// Plays instances of the plugin with the engine `stream` in real time: plugin_stream RATE BLOCK INSTANCES
// SECONDS
//
// Prints, for an instance: the share of a core that its process takes, and its memory in megabytes; the
// share of a block's duration that all instances take on the audio thread in 99.9 % of the blocks; and how
// many of the instances' blocks were late, in percent.
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "instance.hpp"

using namespace astfx;

// Processor time of a process.
static double cpu_seconds(int process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::istringstream words(text.substr(text.rfind(')') + 1));
  std::string word;
  for (int k = 0; k < 11; ++k) words >> word;
  double user = 0.0, system = 0.0;
  words >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

// Memory of a process. What several processes share counts in parts.
static double megabytes(int process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/smaps_rollup");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("Pss:", 0) == 0) return std::atof(line.c_str() + 4) / 1024.0;
  return 0.0;
}

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  const int rate = std::atoi(argv[1]), block = std::atoi(argv[2]), n_instances = std::atoi(argv[3]);
  const long n_blocks = std::atol(argv[4]) * rate / block;
  std::vector<std::unique_ptr<Instance>> instances;
  for (int i = 0; i < n_instances; ++i) {
    instances.push_back(std::make_unique<Instance>(2));
    instances.back()->choose_engine(kEngineStream);
    instances.back()->activate(rate, block);
  }
  sched_param priority{};
  priority.sched_priority = 70;
  sched_setscheduler(0, SCHED_FIFO, &priority);  // as JACK, where the user may
  std::mt19937 rng(0);
  std::normal_distribution<float> noise(0.0f, 0.02f);
  std::vector<float> clip(static_cast<size_t>(10 * rate));
  for (size_t i = 0; i < clip.size(); ++i) {
    const double time = static_cast<double>(i) / rate;
    const double level = 0.3 + (std::sin(2.0 * M_PI * 2.0 * time) > 0.0);
    clip[i] = static_cast<float>(0.2 * std::sin(2.0 * M_PI * 220.0 * time) * level) + noise(rng);
  }
  std::vector<float> output[2] = {std::vector<float>(block), std::vector<float>(block)};
  std::vector<double> shares, spent(instances.size());
  std::vector<long> late(instances.size());
  long measured_from = -1;
  auto due = std::chrono::steady_clock::now();
  for (long k = 0; measured_from < 0 || k < measured_from + n_blocks; ++k) {
    const bool all_run = std::all_of(instances.begin(), instances.end(), [](const auto& instance) {
      return instance->backend_state() == kBackendRuns;
    });
    static long settled = 0;
    settled = all_run ? settled + 1 : 0;
    if (measured_from < 0 && settled > 5L * rate / block) {
      measured_from = k;
      for (size_t i = 0; i < instances.size(); ++i) {
        spent[i] = cpu_seconds(instances[i]->backend_process_id());
        late[i] = instances[i]->late_blocks();
      }
    }
    const float* begin = &clip[static_cast<size_t>(k * block) % (clip.size() - block)];
    const float* inputs[2] = {begin, begin};
    float* outputs[2] = {output[0].data(), output[1].data()};
    const auto entered = std::chrono::steady_clock::now();
    for (auto& instance : instances) instance->process(inputs, outputs, block);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - entered;
    if (measured_from >= 0) shares.push_back(took.count() * rate / block);
    due += std::chrono::nanoseconds(block * 1000000000L / rate);
    std::this_thread::sleep_until(due);
  }
  double cpu = 0.0, memory = 0.0, lates = 0.0;
  for (size_t i = 0; i < instances.size(); ++i) {
    const int process = instances[i]->backend_process_id();
    cpu += cpu_seconds(process) - spent[i];
    memory += megabytes(process);
    lates += static_cast<double>(instances[i]->late_blocks() - late[i]);
  }
  const double count = n_instances, seconds = static_cast<double>(shares.size()) * block / rate;
  std::sort(shares.begin(), shares.end());
  std::printf("%.3f %.0f %.4f %.3f\n", cpu / count / seconds, memory / count,
              shares[static_cast<size_t>(0.999 * static_cast<double>(shares.size() - 1))],
              100.0 * lates / count / static_cast<double>(shares.size()));
}
