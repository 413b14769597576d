# The service on an NVIDIA GPU. From the repository's root:
#   docker build -f docker/gpu.Dockerfile -t hadua:gpu .
#   docker run --rm --gpus all --network host hadua:gpu --demo --device cuda
# The base brings CUDA 12 and cuDNN 9, as onnxruntime-gpu needs them, and Ubuntu's Python 3.12.
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY models models
COPY adapters adapters
COPY calibration calibration
COPY service service
RUN python -m pip wheel --no-cache-dir --no-deps -w /dist .

FROM nvidia/cuda:12.6.3-cudnn-runtime-ubuntu24.04
LABEL org.opencontainers.image.title="HADUA (GPU)" \
      org.opencontainers.image.description="Emotion predictions from EEG and eye tracking over LSL, on an NVIDIA GPU" \
      org.opencontainers.image.licenses="BSD-3-Clause"
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# Versions of Ubuntu's own packages are the base's: a pinned one is gone after its next update.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /dist /dist
COPY constraints.txt /dist/constraints.txt
# [gpu] alone: onnxruntime and onnxruntime-gpu overwrite each other's files.
RUN python3 -m venv /opt/hadua \
    && wheel=$(find /dist -name 'hadua-*.whl') \
    && /opt/hadua/bin/pip install --no-cache-dir -c /dist/constraints.txt "hadua[gpu,postgres] @ file://$wheel" \
    && (userdel --remove ubuntu || true) \
    && useradd --create-home --uid 1000 hadua \
    && install -d -o hadua -g hadua /data
USER 1000
WORKDIR /home/hadua
ENV PATH=/opt/hadua/bin:$PATH PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1 HADUA_DATA_DIR=/data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
# Exec form, so that SIGTERM reaches the service and it can say goodbye to its clients.
ENTRYPOINT ["hadua-serve"]
CMD ["--demo"]
