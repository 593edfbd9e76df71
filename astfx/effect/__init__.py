"""Effects for pedalboard scripts: `StyleTransfer`, and boards that take it."""
