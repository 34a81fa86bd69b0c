# The programs of nada on a processor, with Debian's LibTorch.
#   docker build -f configs/docker/cpu.Dockerfile -t nada .
#   docker run --rm -v "$PWD/runs:/nada/runs" nada adapt --target "a pencil sketch of a cartoon portrait"
FROM debian:bookworm
COPY . /nada
WORKDIR /nada
RUN ./quickstart build adapt generate evaluate invert stylize presets interpolate convert inspect && rm -rf /var/lib/apt/lists/*
ENV NADA_NO_INSTALL=1
ENTRYPOINT ["./quickstart"]
