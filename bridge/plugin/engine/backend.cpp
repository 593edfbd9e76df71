#include "backend.hpp"

#include <algorithm>
#include <cstring>

#include "renders.hpp"
#include "say.hpp"

namespace astfx {

namespace {

// A process that is stopped, or hangs, shows no sign of life. Where the host waits for every frame, a
// busy machine is more likely, and a new process would not give the same bits.
constexpr auto kLongestSilence = std::chrono::seconds(1);
constexpr auto kLongestSilenceOffline = std::chrono::seconds(10);
// One that lives but finishes nothing hangs. The first frames of an offline render may be compiled for.
constexpr auto kLongestStall = std::chrono::seconds(10), kLongestStallOffline = std::chrono::seconds(60);
constexpr uint64_t kFramesInHand = 4096;
// It may take long to read its modules and to compile for the first time.
constexpr auto kLongestStart = std::chrono::seconds(90);
constexpr auto kFirstPause = std::chrono::milliseconds(250), kLongestPause = std::chrono::milliseconds(10000);
constexpr int kManyFailures = 4;

}  // namespace

Backend::Backend(Relay& relay) : relay_(relay), worker_(Worker::of_backends()) {
  relay_.is_hopeless.store(false, std::memory_order_release);
  worker_->add(this);
}

Backend::~Backend() { worker_->remove(this); }

bool Backend::is_ready() {
  const RingHeader& header = relay_.ring().header();
  return header.stream.get() != 0 && header.ready.get() == header.stream.get();
}

void Backend::work() {
  if (process_id_.load(std::memory_order_relaxed) >= 0) {
    watch();
  } else if (Clock::now() >= next_start_) {
    start();
  }
}

void Backend::start() {
  const auto command = backend_command();
  if (!command) {
    state_.store(kBackendIsAbsent);
    relay_.is_hopeless.store(true, std::memory_order_release);
    note("the engine `stream` needs Python with astfx, which was not found: install the plugin again "
         "(astfx plugin install), or set ASTFX_PYTHON to the path of the interpreter");
    next_start_ = Clock::now() + kLongestPause;
    return;
  }
  program_ = command->front();
  relay_.ring().forget_message();
  relay_.ring().header().ready.set(0);
  const int error = process_.start(*command, relay_.ring().descriptor());
  if (error != 0) {
    ended(std::string("could not be started (") + std::strerror(error) + ")");
    return;
  }
  if (n_failures_ < kManyFailures) state_.store(kBackendStarts);
  process_id_.store(process_.id());
  beats_ = relay_.ring().header().heartbeat.get();
  last_beat_ = last_progress_ = Clock::now();
}

void Backend::watch() {
  if (!process_.runs()) {
    const std::string said = relay_.ring().message();
    ended(!said.empty() ? "has ended: " + said : "has ended" + process_.end());
    return;
  }
  const Clock::time_point now = Clock::now();
  const uint64_t beats = relay_.ring().header().heartbeat.get();
  if (beats != beats_) last_beat_ = now;
  beats_ = beats;
  const bool is_ready_now = is_ready();
  const bool waits = relay_.ring().header().waits.get() != 0;
  const Clock::duration most = !is_ready_now ? Clock::duration(kLongestStart)
                               : waits       ? Clock::duration(kLongestSilenceOffline)
                                             : Clock::duration(kLongestSilence);
  const RingHeader& header = relay_.ring().header();
  const uint64_t n_output = header.n_output.get();
  const bool has_work = is_ready_now && header.n_input.get() > n_output + kFramesInHand;
  if (!has_work || n_output != n_output_) last_progress_ = now;
  n_output_ = n_output;
  const bool hangs = now - last_progress_ > (waits ? kLongestStallOffline : kLongestStall);
  if (now - last_beat_ > most || hangs) {
    process_.kill();
    ended(hangs ? "finished nothing for too long, and was ended"
                : "showed no sign of life, and was ended");
    return;
  }
  if (is_ready_now) {
    n_failures_ = 0;
    relay_.is_hopeless.store(false, std::memory_order_release);
    if (state_.exchange(kBackendRuns) != kBackendRuns) note("");
    const std::string said = relay_.ring().message();  // a preset that it could not use
    if (!said.empty()) note(said);
  } else if (n_failures_ < kManyFailures) {
    state_.store(kBackendStarts);
  }
}

void Backend::ended(const std::string& how) {
  process_id_.store(-1);
  SharedCount& renders = relay_.ring().header().renders;
  renders.set(Renders::unpacked(renders.get()).interrupted().packed());
  // One that was at work is started again at once.
  const auto pause = n_failures_ == 0 ? std::chrono::milliseconds(0)
                                      : std::min(kLongestPause, kFirstPause * (1 << std::min(n_failures_, 10)));
  next_start_ = Clock::now() + pause;
  ++n_failures_;
  const bool fails = n_failures_ >= kManyFailures;
  state_.store(fails ? kBackendFails : kBackendStarts);
  if (fails) relay_.is_hopeless.store(true, std::memory_order_release);
  note("the process of the engine `stream` (" + program_ + ") " + how);
}

void Backend::note(const std::string& sentence) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!sentence.empty() && sentence != problem_) say(sentence);
  problem_ = sentence;
}

std::string Backend::problem() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return problem_;
}

}  // namespace astfx
