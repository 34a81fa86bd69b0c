# The programs of nada with PyPI's CUDA build of LibTorch, which brings the CUDA libraries: the host needs NVIDIA's driver and
# container toolkit, the image no CUDA toolkit.
#   docker build -f configs/docker/cuda.Dockerfile -t nada-cuda .
#   docker run --rm --gpus all -v "$PWD/runs:/nada/runs" nada-cuda adapt --target "a pencil sketch of a cartoon portrait"
FROM debian:bookworm
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates python3-venv && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /torch && /torch/bin/pip install --no-cache-dir torch numpy
ENV PATH=/torch/bin:$PATH
COPY . /nada
WORKDIR /nada
RUN ./quickstart --torch pip build adapt generate evaluate invert stylize presets interpolate convert inspect && rm -rf /var/lib/apt/lists/*
ENV NADA_NO_INSTALL=1
ENTRYPOINT ["./quickstart"]
