# One image for gateway and workers; EXTRA selects the hardware: cpu or gpu.
#   docker build -t tessera:cpu .
#   docker build -t tessera:gpu --build-arg BASE=nvidia/cuda:12.8.1-cudnn-runtime-ubuntu24.04 --build-arg EXTRA=gpu .
ARG BASE=python:3.12.9-slim-bookworm

FROM python:3.12.9-slim-bookworm AS wheel
WORKDIR /src
COPY requirements/build.txt requirements/
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements/build.txt
COPY . .
RUN python -m build --wheel --no-isolation --outdir /dist

FROM ${BASE}
ARG EXTRA=cpu
RUN if ! command -v pip >/dev/null; then \
      apt-get update && apt-get install -y --no-install-recommends python3 python3-pip python3-venv \
      && rm -rf /var/lib/apt/lists/*; fi \
    && python3 -m venv /opt/tessera
ENV PATH=/opt/tessera/bin:$PATH PYTHONUNBUFFERED=1 TESSERA_DATA=/data TESSERA_CACHE=/data/cache
# The lock is complete: pip resolves nothing and verifies the hash of every file.
COPY requirements/serving-${EXTRA}.txt /tmp/lock.txt
RUN pip install --no-cache-dir --no-deps --require-hashes -r /tmp/lock.txt && rm /tmp/lock.txt
COPY --from=wheel /dist/*.whl /tmp/
RUN pip install --no-cache-dir --no-deps /tmp/*.whl && rm /tmp/*.whl \
    && groupadd --gid 10001 tessera && useradd --uid 10001 --gid tessera --create-home tessera \
    && mkdir -p /data/cache /models && chown -R tessera:tessera /data /models
# A number, so that Kubernetes can verify that it is not root.
USER 10001:10001
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["tessera"]
CMD ["gateway"]
