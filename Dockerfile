# labctl as an image, for machines that have an engine and no Python. docs/ci.md tells how to use
# it, and what it means to give it the engine's socket.
#
#   docker build -t labctl .
#   docker run --rm -v /var/run/docker.sock:/var/run/docker.sock -v "$PWD:/work" labctl run
#
# Without a registry, any Debian or Ubuntu with Python 3.11 or later will do as BASE:
#
#   mmdebstrap --variant=minbase trixie - | docker import - debian-trixie
#   docker build --build-arg BASE=debian-trixie -t labctl .
ARG BASE=debian:trixie-slim
FROM ${BASE}
LABEL org.opencontainers.image.title=labctl org.opencontainers.image.licenses=MIT

# What ./bootstrap installs, but for the engine: labctl uses one that runs elsewhere.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        ca-certificates debian-archive-keyring mmdebstrap nftables python3-venv \
    && rm -rf /var/lib/apt/lists/*

ENV PATH=/opt/labctl/bin:$PATH
# What is mounted here is where scenarios and clients are read, and documents written.
WORKDIR /work
ENTRYPOINT ["labctl"]
CMD ["--help"]

# What labctl needs, in a layer that stays as it is while that does. pip stays, too: labctl gets
# libraries for clients with it.
COPY pyproject.toml constraints.txt /opt/labctl/source/
RUN cd /opt/labctl \
    && python3 -m venv . \
    && python -c 'import tomllib; told = tomllib.load(open("source/pyproject.toml", "rb")); \
        print(*told["build-system"]["requires"], *told["project"]["dependencies"], sep="\n")' \
        >needed.txt \
    && pip install --no-cache-dir --constraint source/constraints.txt --requirement needed.txt

COPY . /opt/labctl/source
RUN pip install --no-cache-dir --no-deps --no-build-isolation /opt/labctl/source
