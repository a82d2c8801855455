# The service with its champion, and nothing else: no compiler, no pip, no training libraries, and nothing that can be
# written but the prediction log. `make image` builds it; by hand: docker build --build-arg MODEL_VERSION=1 .
# It listens on every address, so a container starts only with API_KEYS, or with AUTH=proxy.

FROM python:3.13-slim AS installed
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /service
COPY deploy/serving.lock ./
RUN pip install --no-compile --only-binary :all: --require-hashes --no-deps -r serving.lock
COPY src/flights flights
COPY serving serving
# Compiles what the service uses, since it cannot when it runs, and shows that nothing is missing.
RUN python -c 'import serving.app, onnxruntime, psycopg, cryptography.hazmat.primitives.asymmetric.ed25519'
# What the service does not use: a third of the size, and none of it needs to be patched any more.
RUN pip uninstall --yes pip \
 && rm -r serving.lock /usr/local/lib/python3.13/ensurepip /usr/local/lib/python3.13/idlelib \
      /usr/local/lib/python3.13/site-packages/numpy/*/tests /usr/local/lib/python3.13/site-packages/numpy/f2py \
      /usr/local/lib/python3.13/site-packages/onnxruntime/capi/libonnxruntime.so.* \
      /usr/local/lib/python3.13/site-packages/onnxruntime/transformers \
 && rm -rf /usr/share/doc /usr/share/locale /usr/share/man

FROM scratch
# What was removed above would still count in its layer: so everything in one layer.
# hadolint ignore=DL3067
COPY --from=installed / /
ENV PATH=/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    PYTHONPATH=/service \
    ORT_DISABLE_TELEMETRY=1 \
    DATA_DIR=/data \
    HOST=0.0.0.0
RUN install -d -o 10001 -g 10001 /data/4_predictions
WORKDIR /service
ARG DATA=data
ARG MODEL_VERSION
COPY ${DATA}/3_models/flights/history /data/3_models/flights/history
COPY ${DATA}/3_models/flights/${MODEL_VERSION} /data/3_models/flights/${MODEL_VERSION}
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="ml-loop" \
      org.opencontainers.image.description="Will this flight arrive late? The champion answers over HTTP" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision="${COMMIT}" \
      model.name="flights" \
      model.version="${MODEL_VERSION}"
USER 10001:10001
VOLUME /data/4_predictions
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["python", "-c", "import urllib.request as http; http.build_opener(http.ProxyHandler({})).open('http://127.0.0.1:8000/health/ready', timeout=2)"]
CMD ["python", "-m", "serving.app"]
