"""Effects for pedalboard scripts: `StyleTransfer`, and containers that accept it."""
