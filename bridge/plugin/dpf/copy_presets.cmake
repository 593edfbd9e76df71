# Copies the factory presets into a bundle: cmake -DFROM=... -DTO=... -P copy_presets.cmake
file(GLOB presets ${FROM}/*.toml ${FROM}/*.safetensors)
file(MAKE_DIRECTORY ${TO})
file(COPY ${presets} DESTINATION ${TO})
