// Two JACK clients, one before another client and one after it.
#pragma once

#include <jack/jack.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

struct Graph {
  jack_client_t* source = nullptr;
  jack_client_t* sink = nullptr;
  jack_port_t* out[2];
  jack_port_t* in[2];
};

// Ports can be connected when their client has been activated.
static bool connect(jack_client_t* client, const std::string& from, const std::string& to) {
  for (int turn = 0; turn < 100; ++turn) {
    if (jack_connect(client, from.c_str(), to.c_str()) == 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

// Returns 0 when the clients run and are connected to the client of that name, or else a status for exit.
static int open_graph(Graph& graph, const std::string& name, JackProcessCallback send,
                      JackProcessCallback receive) {
  graph.source = jack_client_open("source", JackNoStartServer, nullptr);
  graph.sink = jack_client_open("sink", JackNoStartServer, nullptr);
  if (graph.source == nullptr || graph.sink == nullptr) return 3;
  for (int channel = 0; channel < 2; ++channel) {
    const std::string number = std::to_string(channel);
    graph.out[channel] = jack_port_register(graph.source, number.c_str(), JACK_DEFAULT_AUDIO_TYPE,
                                            JackPortIsOutput, 0);
    graph.in[channel] = jack_port_register(graph.sink, number.c_str(), JACK_DEFAULT_AUDIO_TYPE,
                                           JackPortIsInput, 0);
  }
  jack_set_process_callback(graph.source, send, nullptr);
  jack_set_process_callback(graph.sink, receive, nullptr);
  if (jack_activate(graph.source) != 0 || jack_activate(graph.sink) != 0) return 3;
  const std::string pattern = name + ":";
  std::vector<std::string> ins, outs;
  for (int turn = 0; turn < 300 && (ins.size() < 2 || outs.size() < 2); ++turn) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    ins.clear();
    outs.clear();
    for (int is_output = 0; is_output < 2; ++is_output) {
      const char** ports = jack_get_ports(graph.source, pattern.c_str(), JACK_DEFAULT_AUDIO_TYPE,
                                          is_output ? JackPortIsOutput : JackPortIsInput);
      for (int i = 0; ports != nullptr && ports[i] != nullptr; ++i)
        (is_output ? outs : ins).push_back(ports[i]);
      jack_free(ports);
    }
  }
  if (ins.size() < 2 || outs.size() < 2) return 4;
  for (int channel = 0; channel < 2; ++channel) {
    const std::string number = std::to_string(channel);
    if (!connect(graph.source, "source:" + number, ins[channel])) return 5;
    if (!connect(graph.source, outs[channel], "sink:" + number)) return 5;
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(1000));  // until the order is settled
  return 0;
}
