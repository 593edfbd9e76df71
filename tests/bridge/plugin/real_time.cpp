// Runs the plugin on an audio thread that may neither allocate, lock nor make a system call.
//
//     real_time RATE SECONDS ENGINE
//
// The presets are those of ASTFX_FACTORY_PRESETS. ENGINE is live or stream. The audio comes in real time. Exits with 0, or with 1 after a line that names what the audio thread did.
#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "instance.hpp"

using namespace astfx;

static thread_local bool in_audio = false;

static void refuse(const char* what) {
  if (!in_audio) return;
  in_audio = false;
  (void)!write(2, what, strlen(what));
  (void)!write(2, "\n", 1);
  _exit(1);
}

extern "C" {
void* __libc_malloc(size_t);
void __libc_free(void*);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void* malloc(size_t size) { refuse("malloc"); return __libc_malloc(size); }
void free(void* data) { refuse("free"); __libc_free(data); }
void* calloc(size_t n, size_t size) { refuse("calloc"); return __libc_calloc(n, size); }
void* realloc(void* data, size_t size) { refuse("realloc"); return __libc_realloc(data, size); }
void* memalign(size_t at, size_t size) { refuse("memalign"); return __libc_memalign(at, size); }
void* aligned_alloc(size_t at, size_t size) { refuse("aligned_alloc"); return __libc_memalign(at, size); }
int posix_memalign(void** data, size_t at, size_t size) {
  refuse("posix_memalign");
  *data = __libc_memalign(at, size);
  return *data == nullptr;
}
int pthread_mutex_lock(pthread_mutex_t* mutex) {
  refuse("pthread_mutex_lock");
  static auto real = reinterpret_cast<int (*)(pthread_mutex_t*)>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  return real(mutex);
}
int pthread_cond_signal(pthread_cond_t* condition) {
  refuse("pthread_cond_signal");
  static auto real = reinterpret_cast<int (*)(pthread_cond_t*)>(dlsym(RTLD_NEXT, "pthread_cond_signal"));
  return real(condition);
}
}

static void on_system_call(int, siginfo_t* info, void*) {
  char text[64];
  const int n = snprintf(text, sizeof text, "system call %d\n", info->si_syscall);
  (void)!write(2, text, static_cast<size_t>(n));
  _exit(1);
}

// From here on, a system call of this thread other than write and exit is a signal.
static void forbid_system_calls() {
  struct sigaction action {};
  action.sa_sigaction = on_system_call;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSYS, &action, nullptr);
  sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program{sizeof rules / sizeof *rules, rules};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    puts("system calls cannot be watched");
    exit(2);
  }
}

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const int rate = atoi(argv[1]);
  const long n_samples = atol(argv[2]) * rate;
  const bool breaks = argc > 4;  // shows that the hooks work
  Instance instance(2);
  instance.choose(1, 5);
  if (!strcmp(argv[3], "stream")) instance.choose_engine(kEngineStream);
  instance.activate(rate, 1500);
  std::atomic<long> n_done{0};
  std::thread control([&] {
    // Waits for what the audio thread has done, and changes presets and controls.
    for (int turn = 1;; ++turn) {
      while (n_done.load() < turn * rate / 2) std::this_thread::yield();
      instance.settings.morph = static_cast<float>(turn % 3) / 2.0f;
      instance.settings.strength = turn % 4 == 3 ? 0.0f : 1.0f;
      instance.settings.bypass = turn % 5 == 4;
      instance.choose(turn % 2, turn % 40);
      if (turn % 4 == 0) instance.set_state(0, instance.state(0));
    }
  });
  control.detach();
  std::thread audio([&] {
    static float samples[2][8192];
    unsigned seed = 1;
    bool was_dry = false, was_heard = false;
    forbid_system_calls();
    in_audio = true;
    auto due = std::chrono::steady_clock::now();
    for (long block = 0; n_done.load() < n_samples; ++block) {
      const int n = 1 + static_cast<int>((seed = seed * 1664525u + 1013904223u) >> 8) % 1500;
      for (int i = 0; i < n; ++i) {
        seed = seed * 1664525u + 1013904223u;
        const float noise = static_cast<float>(seed >> 8) / (1 << 24) - 0.5f;
        samples[0][i] = block % 400 < 40 ? 0.0f : 0.2f * noise;
        samples[1][i] = 0.1f * noise;
      }
      const float* inputs[2] = {samples[0], samples[1]};
      float* outputs[2] = {samples[0], samples[1]};
      instance.process(inputs, outputs, n);
      if (breaks && block == 10) {
        if (!strcmp(argv[4], "malloc")) free(malloc(10));
        if (!strcmp(argv[4], "getpid")) syscall(SYS_getpid);
      }
      n_done.fetch_add(n);
      (instance.backend_state() == kBackendRuns ? was_heard : was_dry) = true;
      // Time that was lost is not made up for, as in a host.
      due += std::chrono::nanoseconds(n * 1000000000L / rate);
      while (std::chrono::steady_clock::now() < due) {
      }
      due = std::chrono::steady_clock::now();
    }
    in_audio = false;
    // Both sounds were heard, and the fades between them.
    _exit(strcmp(argv[3], "stream") || (was_dry && was_heard) ? 0 : 3);
  });
  audio.join();
}
