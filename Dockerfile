# The OSC server in a container: sounds in /sounds, presets and the server's records in /data.
#
#   docker build -t astfx .
#   docker run --rm -p 127.0.0.1:9101:9101/udp -p 127.0.0.1:9101:9101 -p 127.0.0.1:9102:9102 \
#       -v "$PWD:/sounds" -v astfx:/data -e ASTFX_TOKEN=a-secret-of-your-own astfx
#
# Other commands work too: docker run --rm -v "$PWD:/sounds" astfx render voice.wav -s rain -o o.wav
#
# To install the CPU build of torch, which is much smaller, pass the address that PyTorch's
# installation page shows: --build-arg PIP_EXTRA_INDEX_URL=...
FROM python:3.13-slim

ARG PIP_EXTRA_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1

COPY . /src
RUN apt-get update && apt-get install --yes --no-install-recommends ffmpeg \
    && rm -rf /var/lib/apt/lists/* \
    && pip install "/src[metrics,plots]" && rm -rf /src

# Any user may run the container (docker run --user): nothing is written beside /data and /sounds.
RUN useradd --create-home --uid 1000 astfx && mkdir -p /data /sounds \
    && chown astfx:astfx /data /sounds
USER astfx
ENV ASTFX_PRESETS=/data/presets NUMBA_CACHE_DIR=/data/compiled
WORKDIR /sounds
VOLUME ["/data", "/sounds"]
EXPOSE 9101/udp 9101/tcp 9102/tcp
ENTRYPOINT ["astfx"]
# Beyond loopback, the server needs a token, which it reads from ASTFX_TOKEN.
CMD ["serve", "--host", "0.0.0.0", "--root", "/sounds", "--state", "/data/server"]
